/** How much waits in the inbox, beside its link. */
import { useQuery } from '@tanstack/react-query';
import { reading } from '../api/client.js';
import { groupDigits } from '../parts/money.js';

const LOOK_AGAIN_MS = 60_000;

export function InboxCount() {
  const { data } = useQuery({ ...reading('/v1/admin/inbox', {}), refetchInterval: LOOK_AGAIN_MS });
  if (data === undefined || data.count === 0) return null;
  return (
    <span className="count">
      {groupDigits(data.count)}
      <span className="unseen"> wait</span>
    </span>
  );
}
