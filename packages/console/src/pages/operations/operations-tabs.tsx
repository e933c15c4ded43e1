/** The parts of operations. */
import { useQuery } from '@tanstack/react-query';
import { reading } from '../../api/client.js';
import { Tabs } from '../../parts/tabs.js';

export function OperationsTabs() {
  const { data: inbox } = useQuery(reading('/v1/admin/inbox', {}));
  return (
    <Tabs
      label="Operations"
      tabs={[
        { label: 'Queue and service', link: { to: '/operations' } },
        { label: 'Jobs', link: { to: '/operations/jobs' }, count: inbox?.failed_jobs.count },
        { label: 'Books', link: { to: '/operations/books' }, count: inbox?.reconciliation?.checks.length },
      ]}
    />
  );
}
