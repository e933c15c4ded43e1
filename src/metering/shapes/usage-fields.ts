/** A usage object whose fields are read one by one, so that in the end it can say which counts nobody has read. */
import { isPrintable, TOKENS_MAX } from '@tally/client/protocol';
import { whatCame } from '../../http/expectations.js';

export type Usage = Readonly<Record<string, unknown>>;

/** Why a usage object is refused. `field` is its path within the usage; empty for the object as a whole. */
export class UsageRefusal extends Error {
  constructor(
    readonly field: string,
    message: string,
  ) {
    super(message);
  }
}

const UNREAD_MAX = 32;
const PATH_LENGTH_MAX = 128;
const DEPTH_MAX = 4;

/** Times, money, speeds and flags are no counts; a name that ends in what is counted is one all the same. */
const COUNT = /(tokens?|count|requests?|units|characters|images|pages|quer(y|ies)|search(es)?|sessions)$/;
const NO_COUNT =
  /(^|_)(time|times|timestamp|duration|latency|cost|costs|price|ms|ns|created|created_at|speed|tps|rate|per_second|index|version|seed|byok|discount|ratio|percent|throughput)(_|$)/;

export class UsageFields {
  private readonly read = new Set<string>();

  constructor(readonly usage: Usage) {}

  has(...names: string[]): boolean {
    return names.some((name) => this.usage[name] !== undefined && this.usage[name] !== null);
  }

  /** Null where the field is missing or null. Throws where it is no count. */
  count(path: string): number | null {
    return this.integer(path, TOKENS_MAX);
  }

  /** A sum of counts, each of which may be as large as a count. */
  total(path: string): number | null {
    return this.integer(path, Number.MAX_SAFE_INTEGER);
  }

  private integer(path: string, max: number): number | null {
    this.read.add(path);
    const value = this.valueAt(path);
    if (value === undefined || value === null) return null;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > max) {
      throw new UsageRefusal(path, `must be an integer from 0 to ${max}, not ${countThatCame(value)}`);
    }
    return value;
  }

  /** Of fields that say the same: the first that is there. Two different numbers are refused. */
  same(...paths: string[]): number | null {
    let found: { path: string; count: number } | null = null;
    for (const path of paths) {
      const count = this.count(path);
      if (count === null) continue;
      if (found === null) found = { path, count };
      else if (found.count !== count) {
        throw new UsageRefusal(path, `must equal ${found.path} where both are given`);
      }
    }
    return found?.count ?? null;
  }

  text(path: string): string | null {
    this.read.add(path);
    const value = this.valueAt(path);
    return typeof value === 'string' && value !== '' && value.length <= 64 && isPrintable(value)
      ? value
      : null;
  }

  /** What is counted elsewhere already, or is charged by nobody. */
  ignore(...paths: string[]): void {
    for (const path of paths) this.read.add(path);
  }

  /** An object, or null. Throws where it is something else. */
  object(path: string): Usage | null {
    const value = this.valueAt(path);
    if (value === undefined || value === null) return null;
    if (!isObject(value)) throw new UsageRefusal(path, `must be an object, not ${whatCame(value)}`);
    return value;
  }

  /** A list of objects; empty where it is missing. Its own counts are the reader's affair. */
  list(path: string): Usage[] {
    this.read.add(path);
    const value = this.valueAt(path);
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value) || !value.every(isObject))
      throw new UsageRefusal(
        path,
        `must be a list of objects, not ${Array.isArray(value) ? 'a list with other values' : whatCame(value)}`,
      );
    return value;
  }

  /** Paths of counts above 0 that nobody has read. */
  unread(): string[] {
    const found: string[] = [];
    this.collect(this.usage, '', 1, found);
    return found.sort().slice(0, UNREAD_MAX);
  }

  /** Of them those that are no part of another field: what an answer says beside its usage is mostly the answer itself. */
  unreadAtTop(): string[] {
    return this.unread().filter((path) => !path.includes('.'));
  }

  private collect(value: unknown, path: string, depth: number, found: string[]): void {
    if (typeof value !== 'object' || value === null || depth > DEPTH_MAX) return;
    for (const [name, inner] of Object.entries(value)) {
      const isCount = typeof inner === 'number' && inner > 0;
      if (!isCount && (typeof inner !== 'object' || inner === null)) continue;
      const innerPath = path === '' ? name : `${path}.${name}`;
      if (this.read.has(innerPath) || isNoCount(snakeCase(name))) continue;
      if (isCount) found.push(readable(innerPath));
      else this.collect(inner, innerPath, depth + 1, found);
    }
  }

  private valueAt(path: string): unknown {
    if (!path.includes('.')) return this.usage[path];
    let value: unknown = this.usage;
    for (const name of namesOf(path)) {
      if (value === undefined || value === null) return undefined;
      if (!isObject(value)) {
        const parent = path.slice(0, path.lastIndexOf('.'));
        throw new UsageRefusal(parent, `must be an object, not ${whatCame(value)}`);
      }
      value = value[name];
    }
    return value;
  }
}

function countThatCame(value: unknown): string {
  if (typeof value !== 'number') return whatCame(value);
  if (value < 0) return 'a negative number';
  return Number.isInteger(value) ? 'a larger integer' : 'a fraction';
}

/** Readers name a fixed set of paths. */
const split = new Map<string, readonly string[]>();

function namesOf(path: string): readonly string[] {
  let names = split.get(path);
  if (names === undefined) split.set(path, (names = path.split('.')));
  return names;
}

export function isObject(value: unknown): value is Usage {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNoCount(name: string): boolean {
  return name.includes('_per_') || name.startsWith('time_to_') || (NO_COUNT.test(name) && !COUNT.test(name));
}

function snakeCase(name: string): string {
  return name.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase();
}

function readable(path: string): string {
  return path
    .slice(0, PATH_LENGTH_MAX)
    .toWellFormed()
    .replaceAll(/\p{Cc}/gu, '\ufffd');
}
