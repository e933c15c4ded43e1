/** The parts of a page, each with an address of its own. */
import { Link, type LinkProps } from '@tanstack/react-router';

type Tab = { readonly label: string; readonly link: LinkProps; readonly count?: number | undefined };

export function Tabs({ label, tabs }: { label: string; tabs: readonly Tab[] }) {
  return (
    <nav className="tabs" aria-label={label}>
      {tabs.map(({ label: name, link, count }) => (
        <Link
          key={name}
          {...link}
          activeOptions={{ exact: true, includeSearch: false }}
          activeProps={{ 'aria-current': 'page' }}
        >
          {name}
          {count !== undefined && count > 0 && <span className="count">{count}</span>}
        </Link>
      ))}
    </nav>
  );
}
