/** The explorer of usage: chart and table from one answer, by any one or two groups, with any filter. */
import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { Awaited } from '../../parts/awaited.js';
import { addDays, rangeName, secondsOfDay } from '../../parts/calendar.js';
import { CustomerTabs } from '../../parts/customer-tabs.js';
import { PageHead } from '../../parts/page-head.js';
import { UsageChart } from './chart.js';
import { UsageControls } from './controls.js';
import { useExplored, type Explored } from './explored.js';
import { bucketStarts, groupRows, isFound } from './groups.js';
import { usageQuery, type Answer } from './load.js';
import { GroupsTable } from './table.js';

export function Usage() {
  const of = useExplored();
  const found = useQuery(usageQuery(of.entity, of));
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
