/** What was done by an entry of the audit log, and what it changed, a line for each field. */
import { changesOf, headlineOf } from './entry-words.js';

const LINES_MAX = 4;
const VALUE_LENGTH_MAX = 80;

type Done = { action: string; entity: string | null; target: string | null; after?: unknown };

/** The customer has a column of its own. */
export function Headline({ entry }: { entry: Done }) {
  const { entity, target } = entry;
  return (
    <>
      <span className="strong">{headlineOf(entry)}</span>
      {target !== null && target !== entity && <div className="quiet">{target}</div>}
    </>
  );
}

type Props = { entry: { action: string; before?: unknown; after?: unknown } };

export function ChangeLines({ entry }: Props) {
  const changes = changesOf(entry);
  const hidden = changes.length - LINES_MAX;
  return (
    <ul className="changes">
      {changes.slice(0, LINES_MAX).map(({ field, before, after }) => (
        <li key={field}>
          <span className="quiet">{field}:</span> {before !== null && `${short(before)} → `}
          <span className={before === null ? undefined : 'strong'}>{short(after)}</span>
        </li>
      ))}
      {hidden > 0 && <li className="quiet">and {hidden} more</li>}
      {changes.length === 0 && <li className="quiet">–</li>}
    </ul>
  );
}

function short(text: string): string {
  return text.length > VALUE_LENGTH_MAX ? `${text.slice(0, VALUE_LENGTH_MAX)}…` : text;
}
