/** The keys that callers may use, and the entity of each: from the environment, from a file, and from a service that is asked. */
import { scryptSync } from 'node:crypto';
import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import { NAME_PATTERN } from '@tally/client/protocol';
import type { Logger } from 'pino';
import type { KeyIntrospection } from './key-introspection.js';

export interface KnownKey {
  readonly entity: string;
  /** Names the key in reports without revealing it. The same key has the same id in every gateway. */
  readonly id: string;
}

export interface CallerKeysOptions {
  readonly listed: ReadonlyMap<string, string>;
  readonly file: string | undefined;
  readonly introspection: KeyIntrospection | null;
  readonly logger: Logger;
}

const FILE_LOOK_MS = 1_000;

export class CallerKeys {
  private readonly options: CallerKeysOptions;
  private readonly ids = new Map<string, string>();
  private inFile: ReadonlyMap<string, string>;

  /** Throws where the file cannot be read. */
  constructor(options: CallerKeysOptions) {
    this.options = options;
    const { file } = options;
    this.inFile = file === undefined ? new Map<string, string>() : readKeysFile(file);
    // Looked at by its name, so that a file or link that replaces it is seen too, as Kubernetes does with secrets.
    if (file !== undefined)
      watchFile(file, { interval: FILE_LOOK_MS, persistent: false }, () => this.reload(file));
  }

  /** Null for a key that is not valid. Throws an OpenAiError where that cannot be known now. */
  async find(key: string): Promise<KnownKey | null> {
    const { listed, introspection } = this.options;
    const entity = listed.get(key) ?? this.inFile.get(key) ?? (await introspection?.entityOf(key)) ?? null;
    return entity === null ? null : { entity, id: this.idOf(key) };
  }

  close(): void {
    if (this.options.file !== undefined) unwatchFile(this.options.file);
  }

  /** A file that is wrong changes nothing: the keys that were valid stay so. */
  private reload(file: string): void {
    const { logger } = this.options;
    try {
      this.inFile = readKeysFile(file);
      logger.info({ keys: this.inFile.size }, 'GATEWAY_KEYS_FILE read again');
    } catch (error) {
      logger.error({ err: error }, 'GATEWAY_KEYS_FILE is wrong: the keys that it had stay valid');
    }
  }

  private idOf(key: string): string {
    const known = this.ids.get(key);
    if (known !== undefined) return known;
    if (this.ids.size >= IDS_MAX) this.ids.clear();
    const id = `key_${scryptSync(key, 'tally gateway', 6, ID_COST).toString('hex')}`;
    this.ids.set(key, id);
    return id;
  }
}

const IDS_MAX = 100_000;
/** Slow to compute, so that nobody who reads reports can try keys that are easy to guess. */
const ID_COST = { N: 4_096, r: 8, p: 1 };

/** One `key:entity` a line, or several with commas; blank lines and lines that begin with `#` are left out. */
export function readKeysFile(file: string): ReadonlyMap<string, string> {
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.trim());
  const pairs = lines.filter((line) => line !== '' && !line.startsWith('#'));
  return parseKeys(pairs.join(','));
}

/** `key:entity`, comma separated. Throws an Error that repeats no key. */
export function parseKeys(list: string): ReadonlyMap<string, string> {
  const pairs = list
    .split(',')
    .map((pair) => pair.trim())
    .filter((pair) => pair !== '')
    .map(splitPair);
  if (pairs.length === 0) throw new Error('must name at least one key, as key:entity');
  const keys = new Map(pairs);
  if (keys.size !== pairs.length) throw new Error('names a key twice');
  return keys;
}

/** The entity follows the last colon: a key may have colons. */
function splitPair(pair: string): [string, string] {
  const [, key, entity] = /^(\S+):([^:]+)$/.exec(pair) ?? [];
  if (key === undefined || entity === undefined || !NAME_PATTERN.test(entity))
    throw new Error('must be key:entity, comma separated');
  return [key, entity];
}
