/** Whom an erasure removes, and what is left of an event that names them. Pure. */
import { TEXT_LENGTH_MAX } from '@tally/client/protocol';

/** A user, or everybody whose events have a tag of this value. */
export type Person =
  { readonly userId: string } | { readonly tag: { readonly name: string; readonly value: string } };

const ERASED = 'erased';
const DEPTH_MAX = 64;

/** What events say of persons, in the order of `erase_persons`. */
export function columnsOf(person: Person) {
  return 'userId' in person
    ? { user: stored(person.userId), tag: null, value: null }
    : { user: null, tag: person.tag.name, value: stored(person.tag.value) };
}

/** As it is counted: what is longer is cut. */
function stored(text: string): string {
  return text.slice(0, TEXT_LENGTH_MAX);
}

/** The text by which what names the person is found; it may find more. */
export function needleOf(person: Person): string {
  const text = 'userId' in person ? person.userId : person.tag.value;
  return JSON.stringify(stored(text)).slice(1, -1);
}

/**
 * The body of an event, as its producer sent it, without the person; null where it does not name them. An event of theirs loses all that
 * describes who it was: user, request and tags. Anywhere else a text that is the user's name is replaced.
 */
export function withoutPerson(body: unknown, person: Person): unknown {
  const event = typeof body === 'string' ? parsed(body) : body;
  if (!isObject(event)) return null;
  const data = typeof event['data'] === 'string' ? parsed(event['data']) : event['data'];
  const isTheirs = isObject(data) && isOf(data, person);
  const described = isTheirs ? { ...event, data: withoutDescription(data) } : event;
  const name = 'userId' in person ? stored(person.userId) : null;
  const cleaned = name === null ? described : replaced(described, name, 0);
  return JSON.stringify(cleaned) === JSON.stringify(event) ? null : cleaned;
}

function isOf(data: Record<string, unknown>, person: Person): boolean {
  if ('userId' in person) return isSame(data['user_id'], person.userId);
  const tags = data['tags'];
  return isObject(tags) && isSame(tags[person.tag.name], person.tag.value);
}

/** A producer may send a number where a text belongs, and more of a text than is stored. */
function isSame(value: unknown, text: string): boolean {
  return (typeof value === 'string' || typeof value === 'number') && stored(String(value)) === stored(text);
}

const DESCRIPTION = ['user_id', 'request_id', 'tags'];

function withoutDescription(data: Record<string, unknown>): unknown {
  return Object.fromEntries(Object.entries(data).filter(([name]) => !DESCRIPTION.includes(name)));
}

function replaced(value: unknown, name: string, depth: number): unknown {
  if (typeof value === 'string') return stored(value) === name ? ERASED : value;
  if (depth === DEPTH_MAX) return value;
  if (Array.isArray(value)) return value.map((each) => replaced(each, name, depth + 1));
  if (!isObject(value)) return value;
  const fields = Object.entries(value).map(([key, inner]) => [key, replaced(inner, name, depth + 1)]);
  return Object.fromEntries(fields) as unknown;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
