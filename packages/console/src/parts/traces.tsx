/** What a change left in the audit log and in the ledger. */
import { useQuery } from '@tanstack/react-query';
import { reading } from '../api/client.js';
import { may } from '../session/permissions.js';
import { useSignedIn } from '../session/session.js';
import { Amount } from './amount.js';
import { Awaited } from './awaited.js';
import { Moment } from './moment.js';

const LOOKED_THROUGH = 50;

export function Traces({ entity, requestId }: { entity: string | null; requestId: string }) {
  const { role } = useSignedIn();
  // Owners make changes too, but the logs are an admin's.
  if (!may(role, 'GET /v1/admin/audit_log')) return null;
  return <Written entity={entity} requestId={requestId} />;
}

function Written({ entity, requestId }: { entity: string | null; requestId: string }) {
  const query = { limit: LOOKED_THROUGH, ...(entity === null ? {} : { entity }) };
  const audit = useQuery(reading('/v1/admin/audit_log', { params: { query } }));
  return (
    <Awaited of={audit} lines={2}>
      {({ data }) => {
        const entries = data.filter((entry) => entry.request_id === requestId);
        const [first] = entries;
        return (
          <>
            {entries.map(({ id, action, actor, at }) => (
              <p key={id} className="quiet">
                Audit entry {id}: <code>{action}</code> by {actor}, <Moment at={at} />
              </p>
            ))}
            {first !== undefined && entity !== null && <Moved entity={entity} at={first.at} />}
          </>
        );
      }}
    </Awaited>
  );
}

/** Ledger entries of the same transaction: they are booked at one instant. */
function Moved({ entity, at }: { entity: string; at: number }) {
  const query = { start_time: at, end_time: at + 1, limit: LOOKED_THROUGH };
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
