/** One customer: what it has, what stops it, and what can be done for it. */
import { useQuery } from '@tanstack/react-query';
import { reading, type Schemas } from '../../api/client.js';
import { ActButton } from '../../parts/act-button.js';
import { Awaited } from '../../parts/awaited.js';
import { CustomerTabs } from '../../parts/customer-tabs.js';
import { PageHead } from '../../parts/page-head.js';
import { picosOf, picosOrNull } from '../../parts/money.js';
import { may } from '../../session/permissions.js';
import { useSignedIn } from '../../session/session.js';
import { CustomerState } from '../customers/customer-state.js';
import { ChangeLimits } from './acts/change-limits.js';
import { ChangePlan } from './acts/change-plan.js';
import { GrantCredits } from './acts/grant-credits.js';
import { Caps } from './caps.js';
import { Changes } from './changes.js';
import { Denials } from './denials.js';
import { InFlight } from './in-flight.js';
import { Lots } from './lots.js';
import { nextSentence, type NextLimits, type NextState } from './next-request.js';
import { customerRoute } from './route.js';
import { Tiles } from './tiles.js';

export function Customer() {
  const { entity } = customerRoute.useParams();
  const path = { params: { path: { entity } } };
  const customer = useQuery(reading('/v1/entities/{entity}', path));
  const balance = useQuery(reading('/v1/entities/{entity}/balance', path));
  const inFlight = useInFlightCount(entity);
  return (
    <>
      <PageHead title={entity} lead={customer.data && <Lead customer={customer.data} />}>
        {customer.data && balance.data && (
          <Acts entity={entity} balance={balance.data} state={stateOf(balance.data, inFlight)} />
        )}
      </PageHead>
      <CustomerTabs entity={entity} />
      <Awaited of={balance} lines={6}>
        {(answer) => (
          <>
            {customer.data && (
              <>
                <NextRequest customer={customer.data} state={stateOf(answer, inFlight)} />
                <Tiles customer={customer.data} balance={answer} />
              </>
            )}
            <div className="grid">
              <Caps
                balance={answer}
                next={
                  customer.data
                    ? { limits: limitsInForce(customer.data), state: stateOf(answer, inFlight) }
                    : null
                }
              />
              <Denials entity={entity} />
            </div>
            <Lots entity={entity} />
            <InFlight entity={entity} />
            <Changes entity={entity} />
          </>
        )}
      </Awaited>
    </>
  );
}

function Lead({ customer }: { customer: Schemas['Customer'] }) {
  return (
    <>
      Plan {customer.plan} <CustomerState customer={customer} />
    </>
  );
}

function NextRequest({ customer, state }: { customer: Schemas['Customer']; state: NextState }) {
  return <p className="strong">{nextSentence(limitsInForce(customer), state)}</p>;
}

function limitsInForce(customer: Schemas['Customer']): NextLimits {
  return {
    mode: customer.quota_mode,
    monthlyCapPicos: picosOrNull(customer.monthly_cap_usd),
    yearlyCapPicos: picosOrNull(customer.yearly_cap_usd),
    overage: customer.overage,
    // Left out: only admins may read it, and a moment later it is another number.
    maxConcurrentRequests: null,
  };
}

function stateOf(balance: Schemas['Balance'], inFlightCount: number): NextState {
  return {
    monthPicos: picosOf(balance.month_to_date_usd),
    yearPicos: picosOf(balance.year_to_date_usd),
    creditsPicos: picosOf(balance.credits_usd),
    heldPicos: picosOf(balance.held_usd),
    inFlightCount,
  };
}

/** At most a page of the list. 0 for those who may not list them. */
function useInFlightCount(entity: string): number {
  const { role } = useSignedIn();
  const isAllowed = may(role, 'GET /v1/admin/entities/{entity}/holds');
  const params = { path: { entity }, query: { limit: 100 } };
  const { data } = useQuery({
    ...reading('/v1/admin/entities/{entity}/holds', { params }),
    enabled: isAllowed,
  });
  return data?.data.length ?? 0;
}

type ActsProps = { entity: string; balance: Schemas['Balance']; state: NextState };

function Acts({ entity, balance, state }: ActsProps) {
  const { role } = useSignedIn();
  const isAllowed = may(role, 'GET /v1/admin/entities/{entity}');
  const { data } = useQuery({
    ...reading('/v1/admin/entities/{entity}', { params: { path: { entity } } }),
    enabled: isAllowed,
  });
  if (!isAllowed)
    return <span className="quiet done-by">Credits, plan and caps are changed by an admin.</span>;
  if (data === undefined) return null;
  return (
    <>
      <ActButton needs="POST /v1/admin/entities/{entity}/credits" label="Grant credits…" className="primary">
        {(close) => <GrantCredits entity={entity} balance={balance} onClose={close} />}
      </ActButton>
      <ActButton needs="PATCH /v1/admin/entities/{entity}/limits" label="Limits…">
        {(close) => <ChangeLimits entity={data} state={state} onClose={close} />}
      </ActButton>
      <ActButton needs="PUT /v1/admin/entities/{entity}" label="Plan…">
        {(close) => <ChangePlan entity={data} state={state} onClose={close} />}
      </ActButton>
    </>
  );
}
