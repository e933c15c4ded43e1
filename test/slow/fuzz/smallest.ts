/** The smallest request that still shows a problem, and how a person repeats it. */
import type { FuzzCase } from './requests.js';
import { bytesOf, type Sent } from './wire.js';

const TRIES_MAX = 200;

type Shows = (asked: FuzzCase) => Promise<boolean>;

/** Null where the request alone does not show it: then it takes what came before. */
export async function smallestOf(asked: FuzzCase, shows: Shows): Promise<FuzzCase | null> {
  if (!(await shows(asked))) return null;
  let best = asked;
  let tries = 0;
  for (let improved = true; improved && tries < TRIES_MAX;) {
    improved = false;
    for (const smaller of smallerThan(best)) {
      tries += 1;
      if (tries > TRIES_MAX || !(await shows(smaller))) continue;
      best = smaller;
      improved = true;
      break;
    }
  }
  return best;
}

export function asText({ caller, copies, sent }: FuzzCase): string {
  const bytes = bytesOf(sent).toString('latin1');
  const shown = bytes.length > 3_000 ? `${bytes.slice(0, 3_000)}… (${bytes.length} bytes)` : bytes;
  return `as ${caller}, ${copies} at a time:\n${shown}`;
}

function* smallerThan(asked: FuzzCase): Generator<FuzzCase> {
  const { sent } = asked;
  if (asked.copies > 1) yield { ...asked, copies: 1 };
  for (const smaller of smallerSent(sent)) yield { ...asked, sent: smaller };
}

function* smallerSent(sent: Sent): Generator<Sent> {
  for (const index of sent.headers.keys())
    yield { ...sent, headers: sent.headers.filter((_, each) => each !== index) };
  const [path = '', query = ''] = sent.target.split('?', 2);
  const parts = query === '' ? [] : query.split('&');
  for (const index of parts.keys()) {
    const rest = parts.filter((_, each) => each !== index);
    yield { ...sent, target: rest.length === 0 ? path : `${path}?${rest.join('&')}` };
  }
  if (sent.framing === 'chunked') yield { ...sent, framing: 'length' };
  if (sent.body !== null) yield* smallerBodies(sent, sent.body);
}

function* smallerBodies(sent: Sent, body: Buffer): Generator<Sent> {
  yield { ...sent, body: null };
  const fields = objectOf(body);
  for (const name of Object.keys(fields)) {
    const { [name]: _, ...rest } = fields;
    yield { ...sent, body: Buffer.from(JSON.stringify(rest)) };
  }
  if (body.length > 64) {
    yield { ...sent, body: body.subarray(0, body.length >> 1) };
    yield { ...sent, body: body.subarray(body.length >> 1) };
  }
}

function objectOf(body: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : {};
  } catch {
    return {};
  }
}
