/** Links to the things that many pages name. */
import { Link } from '@tanstack/react-router';

export function CustomerLink({ entity }: { entity: string }) {
  return (
    <Link to="/customers/$entity" params={{ entity }} className="name">
      {entity}
    </Link>
  );
}
