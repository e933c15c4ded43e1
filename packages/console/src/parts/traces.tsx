/** What a change left in the audit log and in the ledger. */
import { useQuery } from '@tanstack/react-query';
import { reading } from '../api/client.js';
import { may } from '../session/permissions.js';
import { useSignedIn } from '../session/session.js';
import { Amount } from './amount.js';
import { Awaited } from './awaited.js';
import { Moment } from './moment.js';

const LOOKED_THROUGH = 50;

type Props = { entity: string | null; grant?: string | undefined; requestId: string };

export function Traces(props: Props) {
  const { role } = useSignedIn();
  // Owners make changes too, but the logs are an admin's.
  if (!may(role, 'GET /v1/admin/audit_log')) return null;
  return <Written {...props} />;
}

function Written({ entity, grant, requestId }: Props) {
  const query = { limit: LOOKED_THROUGH, ...(entity === null ? {} : { entity }) };
  const audit = useQuery(reading('/v1/admin/audit_log', { params: { query } }));
  return (
    <Awaited of={audit} lines={2}>
      {({ data }) => {
        const entries = data.filter((entry) => entry.request_id === requestId);
        const [first] = entries;
        return (
          <>
            {entries.map(({ id, action, actor, actor_name: name, at }) => (
              <p key={id} className="quiet">
                Audit entry {id}: <code>{action}</code> by {name ?? actor}, <Moment at={at} />
              </p>
            ))}
            {first !== undefined && entity !== null && grant !== undefined && (
              <Moved entity={entity} grant={grant} at={first.at} />
            )}
          </>
        );
      }}
    </Awaited>
  );
}

/** Ledger entries of the lot from the same transaction: they are booked at the instant of its audit entry. */
function Moved({ entity, grant, at }: { entity: string; grant: string; at: number }) {
  const query = { grant, start_time: at, end_time: at + 1, limit: LOOKED_THROUGH };
  const ledger = useQuery(
    reading('/v1/admin/entities/{entity}/ledger', { params: { path: { entity }, query } }),
  );
  return (
    <Awaited of={ledger} lines={1}>
      {({ data }) =>
        data.map(({ id, kind, amount_usd, debit_account, credit_account }) => (
          <p key={id} className="quiet">
            Ledger entry {id}: {kind}, <Amount usd={amount_usd} /> from {debit_account} to {credit_account}
          </p>
        ))
      }
    </Awaited>
  );
}
