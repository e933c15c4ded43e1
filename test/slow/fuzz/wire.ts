/** HTTP/1.1 as bytes on a connection of its own, so that what no well-behaved client would send can be sent, and shown. */
import { connect } from 'node:net';
import { gunzipSync } from 'node:zlib';

export type Header = readonly [name: string, value: string];

export type Sent = {
  readonly method: string;
  /** As it stands in the request's first line. */
  readonly target: string;
  /** In this order, with repetitions. Characters are sent as bytes. */
  readonly headers: readonly Header[];
  readonly body: Buffer | null;
  readonly framing: 'length' | 'chunked';
};

export type Received = {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly text: string;
  /** Undefined where the body is no JSON. */
  readonly json: unknown;
};

/** `cut`: the connection ended without an answer. `silent`: nothing came within the time. */
export type Outcome = Received | 'cut' | 'silent';

/** Far more than any request takes, also on a busy machine. */
const ANSWER_MS_MAX = 30_000;

export async function send(url: string, sent: Sent): Promise<Outcome> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const parts: Buffer[] = [];
    const socket = connect(Number(port), hostname);
    const end = (outcome: Outcome): void => {
      socket.destroy();
      resolve(outcome);
    };
    const answered = () => receivedFrom(Buffer.concat(parts), sent.method);
    socket.setTimeout(ANSWER_MS_MAX, () => end(answered() ?? 'silent'));
    socket.on('data', (part) => parts.push(part));
    socket.on('error', () => {});
    socket.on('close', () => end(answered() ?? 'cut'));
    socket.write(bytesOf(sent));
  });
}

export function bytesOf({ method, target, headers, body, framing }: Sent): Buffer {
  const lines = [`${method} ${target} HTTP/1.1`, 'host: tally', 'connection: close'];
  for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  if (body !== null && framing === 'length') lines.push(`content-length: ${body.length}`);
  if (body !== null && framing === 'chunked') lines.push('transfer-encoding: chunked');
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  if (body === null) return head;
  return Buffer.concat([head, ...(framing === 'length' ? [body] : chunksOf(body))]);
}

/** In two chunks, so that a character may stand in both. */
function chunksOf(body: Buffer): Buffer[] {
  const middle = Math.ceil(body.length / 2);
  const parts = [body.subarray(0, middle), body.subarray(middle)].filter(({ length }) => length > 0);
  const framed = parts.flatMap((part) => [
    Buffer.from(`${part.length.toString(16)}\r\n`),
    part,
    Buffer.from('\r\n'),
  ]);
  return [...framed, Buffer.from('0\r\n\r\n')];
}

/** The first answer that is not an interim one; null where there is none. */
function receivedFrom(bytes: Buffer, method: string): Received | null {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return null;
  const [first = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
  const status = Number(first.split(' ')[1]);
  const rest = bytes.subarray(end + 4);
  if (status === 100) return receivedFrom(rest, method);
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    }),
  );
  const text = method === 'HEAD' ? '' : textOf(rest, headers);
  return { status, headers, text, json: jsonOf(text) };
}

function textOf(rest: Buffer, headers: ReadonlyMap<string, string>): string {
  const whole = headers.get('transfer-encoding') === 'chunked' ? unchunked(rest) : rest;
  return (headers.get('content-encoding') === 'gzip' ? gunzipSync(whole) : whole).toString('utf8');
}

function unchunked(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf('\r\n', at);
    const length = Number.parseInt(bytes.subarray(at, end).toString('latin1'), 16);
    if (!(length > 0)) break;
    parts.push(bytes.subarray(end + 2, end + 2 + length));
    at = end + 4 + length;
  }
  return Buffer.concat(parts);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
