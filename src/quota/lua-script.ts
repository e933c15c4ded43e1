/** A Lua script that Redis keeps under its hash: sent whole once, by its hash from then on. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Command } from 'ioredis';
import type { RedisGate } from './redis-gate.js';

export type LuaReply = string | number | null | readonly LuaReply[];

type Args = readonly (string | number)[];

/** The keys of a call, as Redis reads them: written once for as many calls as whoever keeps them makes. */
export class ScriptKeys {
  readonly count: number;
  readonly written: string;

  constructor(names: readonly string[]) {
    this.count = names.length;
    // A join is one text; a sum would be a tree of its parts for as long as it is kept.
    this.written = [String(names.length), ...names].map(bulk).join('');
  }

  get names(): string[] {
    const lines = this.written.split('\r\n');
    return Array.from({ length: this.count }, (_, index) => lines[3 + 2 * index]!);
  }
}

export class LuaScript {
  private readonly source: string;
  private readonly sha: string;

  /** Joins the named files, which lie beside this one; the first ones define what the last one uses. */
  constructor(...names: string[]) {
    this.source = names
      .map((name) => readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8'))
      .join('\n');
    this.sha = createHash('sha1').update(this.source).digest('hex');
  }

  /** Throws RedisAway. */
  run(gate: RedisGate, keys: ScriptKeys, args: Args): Promise<LuaReply> {
    return gate.ask((redis) => {
      const send = (call: Evaluation) => redis.sendCommand(call) as Promise<LuaReply>;
      const call = new Evaluation('evalsha', this.sha, keys, args);
      call.onUnknown(() => send(new Evaluation('eval', this.source, keys, args)));
      return send(call);
    });
  }
}

/** A script's call, without what it does not need: a timer, for the gate ends the wait, and a look at each argument's bytes. */
class Evaluation extends Command {
  constructor(
    name: 'eval' | 'evalsha',
    private readonly script: string,
    private readonly scriptKeys: ScriptKeys,
    private readonly scriptArgs: Args,
  ) {
    super(name, [], { replyEncoding: 'utf8' });
  }

  /** Where Redis does not know the script, its answer to `again` is this one's: no promise is made where it does. */
  onUnknown(again: () => Promise<LuaReply>): void {
    const { reject } = this;
    this.reject = (error) => (error.message.startsWith('NOSCRIPT') ? this.resolve(again()) : reject(error));
  }

  override setTimeout(): void {}

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
