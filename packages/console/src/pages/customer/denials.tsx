/** Which requests of a customer were refused: how often, by which limit, and why the newest were. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { Schemas } from '../../api/client.js';
import { Awaited } from '../../parts/awaited.js';
import { Badge } from '../../parts/badge.js';
import { Copyable } from '../../parts/copyable.js';
import { Empty } from '../../parts/empty.js';
import { Moment } from '../../parts/moment.js';
import { paging, rowsOf } from '../../parts/paged.js';
import { plural } from '../../parts/times.js';
import { limitWords } from '../customers/customer-state.js';
import { denialSentence } from './denial-words.js';

const SHOWN = 10;

export function Denials({ entity }: { entity: string }) {
  const found = useInfiniteQuery(
    paging('/v1/entities/{entity}/denials', { params: { path: { entity }, query: { limit: SHOWN } } }),
  );
  const rows = useMemo(() => rowsOf(found.data?.pages ?? []), [found.data]);
  return (
    <section className="card stack" aria-labelledby="denials">
      <h2 id="denials">Refused requests</h2>
      <Awaited of={found}>
        {({ pages }) => (
          <>
            <Counts hours={pages[0]!.hours} />
            <ul className="stack">
              {rows.map((denied) => (
                <Denied key={denied.id} denied={denied} />
              ))}
            </ul>
            {found.hasNextPage && (
              <button type="button" onClick={() => void found.fetchNextPage()} disabled={found.isFetching}>
                Show more
              </button>
            )}
          </>
        )}
      </Awaited>
    </section>
  );
}

function Counts({ hours }: { hours: readonly Schemas['DeniedHour'][] }) {
  const byLimit = new Map<string, number>();
  for (const { limit, denied } of hours) byLimit.set(limit, (byLimit.get(limit) ?? 0) + denied);
  if (byLimit.size === 0) return <Empty title="No request was refused in the last seven days" />;
  const most = [...byLimit].toSorted(([, a], [, b]) => b - a);
  return (
    <p>
      In the last seven days:{' '}
      {most.map(([limit, count]) => `${plural(count, 'request')} by ${limitWords(limit)}`).join(', ')}.
    </p>
  );
}

function Denied({ denied }: { denied: Schemas['DeniedDecision'] }) {
  const { created_at, project, asked, mode, id } = denied;
  return (
    <li>
      <p>
        <Badge tone={mode === 'shadow' ? 'warn' : 'bad'}>
          {mode === 'shadow' ? 'Would be refused' : 'Refused'}
        </Badge>{' '}
        {denialSentence(denied)}
      </p>
      <p className="quiet">
        <Moment at={created_at} />, {project}
        {asked.model !== null && `, ${asked.model}`}{' '}
        <Copyable text={id} what="id of the decision" shown="id" />
      </p>
    </li>
  );
}
