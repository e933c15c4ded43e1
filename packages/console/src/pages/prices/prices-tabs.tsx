/** The parts of the prices, and how much waits in them. */
import { useQuery } from '@tanstack/react-query';
import { reading } from '../../api/client.js';
import { Tabs } from '../../parts/tabs.js';

export function PricesTabs() {
  const { data: inbox } = useQuery(reading('/v1/admin/inbox', {}));
  return (
    <Tabs
      label="Prices"
      tabs={[
        { label: 'In force', link: { to: '/prices' } },
        { label: 'Unpriced', link: { to: '/prices/unpriced' }, count: inbox?.unpriced_models.count },
        { label: 'Import', link: { to: '/prices/import' } },
      ]}
    />
  );
}
