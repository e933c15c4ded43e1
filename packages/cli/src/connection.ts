/** Which service a command talks to, and with which key: TALLY_URL and TALLY_API_KEY, or the embedded service of DATA_DIR. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { WrongUse } from './failures.js';

export type Connection = { readonly url: string; readonly key: string };

type Environment = Readonly<Record<string, string | undefined>>;

/** What the service writes to `DATA_DIR/service.json` while it serves. */
type ServiceFile = { readonly url: string; readonly pid: number; readonly started: string };

const DEFAULT_URL = 'http://127.0.0.1:3000';

/** Throws WrongUse that says what to set. */
export function connectionOf(environment: Environment): Connection {
  const url = valueOf(environment, 'TALLY_URL');
  const key = valueOf(environment, 'TALLY_API_KEY');
  const dataDir = valueOf(environment, 'DATA_DIR') ?? '.data';
  if (url !== null && key === null)
    throw new WrongUse(
      'TALLY_API_KEY must be set beside TALLY_URL, or TALLY_API_KEY_FILE to the file that holds the key.',
    );
  if (url !== null && key !== null) return { url: checkedUrl(url), key: checkedKey(key) };
  const service = embeddedService(dataDir);
  if (key !== null) return { url: service?.url ?? DEFAULT_URL, key: checkedKey(key) };
  if (service === null)
    throw new WrongUse(
      `No service is known: TALLY_URL and TALLY_API_KEY are not set, and no embedded service runs in ${path.resolve(dataDir)} (DATA_DIR). ` +
        'Set both, or start one: npm start',
    );
  return { url: service.url, key: embeddedKey(dataDir) };
}

/** `X`, or the content of the file that `X_FILE` names. What is empty counts as not set. */
function valueOf(environment: Environment, name: string): string | null {
  const own = environment[name] || null;
  const file = environment[`${name}_FILE`] || null;
  if (file === null) return own;
  if (own !== null)
    throw new WrongUse(`${name}_FILE must not be set beside ${name}: one of them holds the value.`);
  const text = contentOf(file);
  if (text === null) throw new WrongUse(`${name}_FILE must name a file that can be read: ${file}`);
  if (text === '') throw new WrongUse(`${name}_FILE must name a file that is not empty: ${file}`);
  return text;
}

function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.search !== '' || url.hash !== '')
    throw new WrongUse(`TALLY_URL must be a URL such as https://tally.example.com: ${text}`);
  if (url.username !== '' || url.password !== '')
    throw new WrongUse('TALLY_URL must not hold a user or a password: the key goes into TALLY_API_KEY.');
  return url.href.replace(/\/+$/, '');
}

/** An HTTP header takes no other characters. */
function checkedKey(key: string): string {
  if (!/^[\x21-\x7e]+$/.test(key))
    throw new WrongUse('TALLY_API_KEY must be one word of printable ASCII characters.');
  return key;
}

/**
 * Null where none runs. A process number alone names nobody: after a crash it may belong to another program, which may listen on that port too and must
 * not get the key.
 */
function embeddedService(dataDir: string): ServiceFile | null {
  const text = contentOf(path.join(dataDir, 'service.json'));
  if (text === null) return null;
  const service = parsed(text);
  return service !== null && startOf(service.pid) === service.started ? service : null;
}

function parsed(text: string): ServiceFile | null {
  try {
    const { url, pid, started } = JSON.parse(text) as Partial<ServiceFile>;
    if (typeof url !== 'string' || !Number.isSafeInteger(pid) || typeof started !== 'string') return null;
    return { url, pid: Number(pid), started };
  } catch {
    return null;
  }
}

function embeddedKey(dataDir: string): string {
  const file = path.join(dataDir, 'admin-key');
  const key = contentOf(file);
  if (key === null || key === '')
    throw new WrongUse(
      `${path.resolve(file)} cannot be read: set TALLY_API_KEY to a key with the role admin, or run as the user of the service.`,
    );
  return checkedKey(key);
}

/** When the process started, as the service wrote it; null where there is none. */
function startOf(pid: number): string | null {
  const stat = contentOf(`/proc/${pid}/stat`);
  if (stat !== null) {
    // The name in brackets may hold blanks and brackets itself, so the fields are counted after its last one.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? null : (fields[19] ?? null);
  }
  if (contentOf('/proc/self/stat') !== null) return null;
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || null;
  } catch {
    return null;
  }
}

/** Null where it cannot be read. Without the line break that editors put at the end. */
function contentOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch {
    return null;
  }
}
