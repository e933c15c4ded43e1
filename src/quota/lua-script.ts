/**
 * A Lua script that Redis caches by its hash: the first call sends the whole text, later calls send the hash.
 *
 * `Evaluation` is a command of our own for ioredis, because `redis.evalsha` is slower: with it a pair of reserve and release takes
 * 34 µs of this process' time, and 19 µs without. It relies on internals of ioredis 5.11.1, so package.json names exactly this
 * version, and lua-script.test.ts checks each of them:
 * - `sendCommand` calls `toWritable` once and writes what it returns;
 * - `sendCommand` calls the command's `setTimeout` with the connection's `commandTimeout`;
 * - an answer settles `promise` by the fields `resolve` and `reject`;
 * - only `name` and `replyEncoding` decide how the answer is read;
 * - a Cluster asks `getSlot` which node to send it to, and sends the same command again where it has moved.
 */
import { slotOf } from '@tally/client/protocol';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Command } from 'ioredis';
import { assert } from '../domain/errors.js';
import { replyCodeOf } from '../platform/redis-errors.js';
import type { RedisBreakers } from './redis-breakers.js';

export type LuaReply = string | number | null | readonly LuaReply[];

type Args = readonly (string | number)[];

/** The keys of a call in Redis' protocol, written once for all calls that use them. */
export class ScriptKeys {
  readonly count: number;
  readonly written: string;
  private slotNumber: number | null = null;

  constructor(names: readonly string[]) {
    this.count = names.length;
    // A join makes one flat string. A sum would stay a tree of its parts in memory.
    this.written = [String(names.length), ...names].map(bulk).join('');
  }

  /** Of a Cluster; the same for all of them. */
  get slot(): number {
    return (this.slotNumber ??= slotOf(this.names[0]!));
  }

  get names(): string[] {
    const lines = this.written.split('\r\n');
    return Array.from({ length: this.count }, (_, index) => lines[3 + 2 * index]!);
  }
}

/** The line of a script that names its arguments; a list of any length may follow these. */
const ARGUMENTS = /^local ([\w, \n]+) = unpack\(ARGV(?:, 1, \d+)?\)$/gm;

/** Gives each of its fields its own name. */
const OWN_NAMES = new Proxy({}, { get: (_, name) => name });

/** A call passes arguments by name, and `inSequence` puts them into the sequence in which the script names them. */
export class LuaScript<Named extends object> {
  readonly text: string;
  private readonly sha: string;

  /** Joins the named files of lua/; the first ones define what the last one uses. */
  constructor(
    files: readonly string[],
    readonly inSequence: (named: Named) => Args,
  ) {
    this.text = files
      .map((name) => readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8'))
      .join('\n');
    this.sha = createHash('sha1').update(this.text).digest('hex');
    const named = [...this.text.matchAll(ARGUMENTS)].map((match) => match[1]!.split(/,\s*/).join(', '));
    const given = inSequence(OWN_NAMES as Named).join(', ');
    assert(named.length === 1 && named[0] === given, `${files.at(-1)}.lua names its arguments: ${given}`);
  }

  /** `list` follows the named arguments. Throws Unavailable. */
  run(redis: Pick<RedisBreakers, 'at'>, keys: ScriptKeys, named: Named, list: Args = []): Promise<LuaReply> {
    const args = list.length === 0 ? this.inSequence(named) : [...this.inSequence(named), ...list];
    return redis.at(keys).ask((connection) => {
      const send = (call: Evaluation) => connection.sendCommand(call) as Promise<LuaReply>;
      const call = new Evaluation('evalsha', this.sha, keys, args);
      call.onUnknown(() => send(new Evaluation('eval', this.text, keys, args)));
      return send(call);
    });
  }
}

/** A script's call without what it does not need: a timer, for the circuit breaker ends the wait, and a look at each argument. */
class Evaluation extends Command {
  constructor(
    name: 'eval' | 'evalsha',
    private readonly script: string,
    private readonly scriptKeys: ScriptKeys,
    private readonly scriptArgs: Args,
  ) {
    super(name, [], { replyEncoding: 'utf8' });
  }

  /** Where Redis does not know the script, `again` gives the answer. Where it knows it, this makes no further promise. */
  onUnknown(again: () => Promise<LuaReply>): void {
    const { reject } = this;
    this.reject = (error) => (replyCodeOf(error) === 'NOSCRIPT' ? this.resolve(again()) : reject(error));
  }

  override setTimeout(): void {}

  /** By which a Cluster finds the node. */
  override getSlot(): number {
    return this.scriptKeys.slot;
  }

  override toWritable(socket: object): string | Buffer {
    const { count: keyCount, written } = this.scriptKeys;
    const count = 3 + keyCount + this.scriptArgs.length;
    let text = `*${count}\r\n${bulk(this.name)}${bulk(this.script)}${written}`;
    for (const arg of this.scriptArgs) text += bulk(String(arg));
    if (Buffer.byteLength(text) === text.length) return text;
    const { names } = this.scriptKeys;
    this.args = [this.script, String(keyCount), ...names, ...this.scriptArgs.map(String)];
    return super.toWritable(socket);
  }
}

/** A string of Redis' protocol, where each character is a byte. */
function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`;
}
