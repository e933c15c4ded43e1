/** The parts of the settings. */
import { Tabs } from '../../parts/tabs.js';

export function SettingsTabs() {
  return (
    <Tabs
      label="Settings"
      tabs={[
        { label: 'Plans', link: { to: '/settings' } },
        { label: 'Retention', link: { to: '/settings/retention' } },
      ]}
    />
  );
}
