/** The explorer of usage: chart and table from one answer, by any one or two groups, with any filter. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useMemo } from 'react';
import { reading } from '../../api/client.js';
import { asApiError } from '../../api/errors.js';
import { Awaited } from '../../parts/awaited.js';
import { addDays, rangeName, secondsOfDay } from '../../parts/calendar.js';
import { CustomerTabs } from '../../parts/customer-tabs.js';
import { PageHead } from '../../parts/page-head.js';
import { UsageChart } from './chart.js';
import { UsageControls } from './controls.js';
import { useExplored, type Explored } from './explored.js';
import { queryOf } from './filters.js';
import { bucketStarts, groupRows, isFound, type ApiRow } from './groups.js';
import { GroupsTable } from './table.js';

type Answer = { readonly data: readonly ApiRow[]; readonly isWhole: boolean };

/** Where there are more rows than the API gives at once, the sums come without buckets, so that the table is complete. */
function useUsage(of: Explored) {
  const queries = useQueryClient();
  const { entity, groups, filters, width, from, to } = of;
  const query = {
    ...queryOf(filters),
    group_by: groups.join(','),
    start_time: secondsOfDay(from),
    end_time: secondsOfDay(addDays(to, 1)),
  };
  const ask = async (more: object) => {
    const params = { path: { entity }, query: { ...query, ...more } as never };
    const answer = await queries.fetchQuery(reading('/v1/entities/{entity}/usage', { params }));
    return answer.data as unknown as ApiRow[];
  };
  return useQuery({
    queryKey: ['explored', entity, query, width],
    queryFn: async (): Promise<Answer> => {
      try {
        return { data: await ask({ bucket_width: width }), isWhole: true };
      } catch (error) {
        if (!asApiError(error).message.includes('rows, ask for less time')) throw error;
        return { data: await ask({}), isWhole: false };
      }
    },
  });
}

export function Usage() {
  const of = useExplored();
  const found = useUsage(of);
  return (
    <>
      <PageHead
        title={of.entity}
        windowTitle={`Usage of ${of.entity}`}
        lead={`Usage, ${rangeName(of.from, of.to)}, UTC`}
      />
      <CustomerTabs entity={of.entity} />
      <UsageControls of={of} />
      <Awaited of={found} lines={12}>
        {(answer) => <Shown of={of} answer={answer} />}
      </Awaited>
    </>
  );
}

function Shown({ of, answer }: { of: Explored; answer: Answer }) {
  const { groups, show, search, width, from, to } = of;
  const all = useMemo(() => groupRows(answer.data, groups, show), [answer, groups, show]);
  const rows = useMemo(
    () => all.filter((row) => isFound(row, groups, search.search ?? '')),
    [all, groups, search.search],
  );
  const starts = useMemo(
    () => bucketStarts({ start: secondsOfDay(from), end: secondsOfDay(addDays(to, 1)) }, width),
    [from, to, width],
  );
  return (
    <>
      {answer.isWhole ? (
        <UsageChart of={of} rows={rows} starts={starts} />
      ) : (
        <p className="banner warn">
          These are too many groups for a chart of so many {WIDTH_WORDS[width]}: choose wider buckets, fewer
          days, or a filter. The table below has every group.
        </p>
      )}
      <GroupsTable of={of} rows={rows} />
    </>
  );
}

const WIDTH_WORDS = { '1h': 'hours', '1d': 'days', '1mo': 'months' } as const;
