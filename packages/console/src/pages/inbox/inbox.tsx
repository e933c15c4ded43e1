/** What waits for a person: everything that the API's inbox counts, with what it means and where to act. */
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { reading, type Schemas } from '../../api/client.js';
import { Awaited } from '../../parts/awaited.js';
import { Badge } from '../../parts/badge.js';
import { Empty } from '../../parts/empty.js';
import { groupDigits } from '../../parts/money.js';
import { Moment } from '../../parts/moment.js';
import { PageHead } from '../../parts/page-head.js';
import { itemsOf, QUIET, type Item } from './inbox-items.js';

type Inbox = Schemas['Inbox'];

/** Often enough for a person who watches it, and little work for the service. */
export const LOOK_AGAIN_MS = 30_000;

export function InboxPage() {
  const inbox = useQuery({ ...reading('/v1/admin/inbox', {}), refetchInterval: LOOK_AGAIN_MS });
  return (
    <>
      <PageHead
        title="Inbox"
        lead="What waits for a person. Each line links to the page where you deal with it."
      />
      <Awaited of={inbox} lines={10}>
        {(answer) => <Waiting inbox={answer} />}
      </Awaited>
    </>
  );
}

function Waiting({ inbox }: { inbox: Inbox }) {
  const items = itemsOf(inbox);
  const quiet = QUIET.filter(([, isQuiet]) => isQuiet(inbox)).map(([name]) => name);
  return (
    <>
      {items.length === 0 ? (
        <div className="card">
          <Empty title="Nothing waits for you">The queue runs, and every event was counted.</Empty>
        </div>
      ) : (
        <ul className="card waiting" aria-label="What waits">
          {items.map((item) => (
            <Line key={item.name} item={item} />
          ))}
        </ul>
      )}
      <p className="quiet">
        {quiet.length > 0 && `Nothing to do: ${quiet.join(', ')}. `}Looked at <Moment at={inbox.as_of} />.
      </p>
      {inbox.unread_fields.count > 0 && <UnreadFields fields={inbox.unread_fields} />}
    </>
  );
}

function Line({ item: { name, tone, count, sentence, link, act } }: { item: Item }) {
  return (
    <li>
      <div className="what">
        <h2>
          {name} <Badge tone={tone}>{count}</Badge>
        </h2>
        <div className="quiet">{sentence}</div>
      </div>
      <Link {...link} className="button">
        {act}
      </Link>
    </li>
  );
}

function UnreadFields({ fields }: { fields: Inbox['unread_fields'] }) {
  return (
    <section className="card stack" id="unread">
      <h2 id="unread-title">Unread fields</h2>
      <p className="quiet">
        The usage object of each such event is kept, so nothing is lost. If a field should cost something,
        report it as a meter that Tally knows, or name the format with <code>usage_format</code>. A field that
        repeats another count needs nothing.
      </p>
      <div className="scroll" tabIndex={0} role="region" aria-label="Unread fields">
        <table>
          <thead>
            <tr>
              <th scope="col">Field</th>
              <th scope="col">Model</th>
              <th scope="col" className="number">
                Events
              </th>
            </tr>
          </thead>
          <tbody>
            {fields.data.map(({ field, model, events }) => (
              <tr key={`${field} ${model}`}>
                <th scope="row">
                  <code>{field}</code>
                </th>
                <td>{model}</td>
                <td className="number">{groupDigits(events)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
