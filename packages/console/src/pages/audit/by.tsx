/** Who made a change: the name of the key, and its role then. */
import type { Schemas } from '../../api/client.js';

type Entry = Pick<Schemas['AuditEntry'], 'actor' | 'actor_name' | 'role'>;

export function By({ entry: { actor, actor_name: name, role } }: { entry: Entry }) {
  return (
    <span title={actor}>
      {name ?? actor}
      {role !== null && <span className="quiet"> {role}</span>}
    </span>
  );
}
