/** One customer. */
import { useQuery } from '@tanstack/react-query';
import { reading, type Schemas } from '../../api/client.js';
import { Amount } from '../../parts/amount.js';
import { Awaited } from '../../parts/awaited.js';
import { monthName } from '../../parts/times.js';
import { PageHead } from '../../parts/page-head.js';
import { customerRoute } from './route.js';

export function Customer() {
  const { entity } = customerRoute.useParams();
  const balance = useQuery(reading('/v1/entities/{entity}/balance', { params: { path: { entity } } }));
  return (
    <>
      <PageHead title={entity} />
      <Awaited of={balance} lines={6}>
        {(answer) => <Balance balance={answer} />}
      </Awaited>
    </>
  );
}

function Balance({ balance }: { balance: Schemas['Balance'] }) {
  return (
    <section className="tiles" aria-label="Balance">
      <div className="tile">
        <h2>Credits left</h2>
        <p className="figure">
          <Amount usd={balance.credits_usd} />
        </p>
      </div>
      <div className="tile">
        <h2>{monthName(balance.period)}</h2>
        <p className="figure">
          <Amount usd={balance.month_to_date_usd} />
        </p>
      </div>
    </section>
  );
}
