/** The pages about one customer, each with an address of its own. */
import { Link } from '@tanstack/react-router';
import { may } from '../session/permissions.js';
import { useSignedIn } from '../session/session.js';
import { useCurrentInSight } from './current-in-sight.js';

export function CustomerTabs({ entity }: { entity: string }) {
  const { role } = useSignedIn();
  const links = useCurrentInSight();
  const common = {
    params: { entity },
    activeOptions: { exact: true, includeSearch: false },
    activeProps: { 'aria-current': 'page' as const },
  };
  return (
    <nav className="customer-tabs" ref={links} aria-label={`Pages about ${entity}`}>
      <Link to="/customers/$entity" {...common}>
        Overview
      </Link>
      <Link to="/customers/$entity/report" {...common}>
        Costs
      </Link>
      <Link to="/customers/$entity/usage" {...common}>
        Usage
      </Link>
      <Link to="/customers/$entity/events" {...common} activeOptions={{ includeSearch: false }}>
        Events
      </Link>
      <Link to="/customers/$entity/statements" {...common} activeOptions={{ includeSearch: false }}>
        Statements
      </Link>
      {may(role, 'GET /v1/organization/alerts') && (
        <Link to="/customers/$entity/alerts" {...common}>
          Alerts
        </Link>
      )}
      {may(role, 'GET /v1/admin/keys') && (
        <Link to="/customers/$entity/keys" {...common}>
          Keys
        </Link>
      )}
    </nav>
  );
}
