/** Links to the things that many pages name. */
import { Link } from '@tanstack/react-router';

/** Of things that may be of no customer. */
export function EntityLink({ entity }: { entity: string | null }) {
  return entity === null ? <span className="quiet">–</span> : <CustomerLink entity={entity} />;
}

export function CustomerLink({ entity }: { entity: string }) {
  return (
    <Link to="/customers/$entity" params={{ entity }} className="name">
      {entity}
    </Link>
  );
}
