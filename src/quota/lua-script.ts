/** A Lua script that Redis keeps under its hash: sent whole once, by its hash from then on. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Command, type Redis } from 'ioredis';
import type { RedisGate } from './redis-gate.js';

export type LuaReply = string | number | null | readonly LuaReply[];

export class LuaScript {
  private readonly source: string;
  private readonly sha: string;

  /** Joins the named files, which lie beside this one; the first ones define what the last one uses. */
  constructor(...names: string[]) {
    this.source = names
      .map((name) => readFileSync(new URL(`./${name}.lua`, import.meta.url), 'utf8'))
      .join('\n');
    this.sha = createHash('sha1').update(this.source).digest('hex');
  }

  /** Throws RedisAway. */
  run(gate: RedisGate, keys: readonly string[], args: readonly (string | number)[]): Promise<LuaReply> {
    return gate.ask((redis) => this.evaluate(redis, [keys.length, ...keys, ...args]));
  }

  private evaluate(redis: Redis, keysAndArgs: readonly (string | number)[]): Promise<LuaReply> {
    return send(redis, 'evalsha', [this.sha, ...keysAndArgs]).catch((error: unknown) => {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return send(redis, 'eval', [this.source, ...keysAndArgs]);
    });
  }
}

/** A script's call, without what it does not need: a timer, for the gate ends the wait, and a look at each argument's bytes. */
class Evaluation extends Command {
  override setTimeout(): void {}

  override toWritable(socket: object): string | Buffer {
    const texts = [this.name, ...this.args] as string[];
    const text = texts.join('');
    if (Buffer.byteLength(text) !== text.length) return super.toWritable(socket);
    let written = `*${texts.length}\r\n`;
    for (const each of texts) written += `$${each.length}\r\n${each}\r\n`;
    return written;
  }
}

function send(redis: Redis, name: 'eval' | 'evalsha', args: (string | number)[]): Promise<LuaReply> {
  return redis.sendCommand(new Evaluation(name, args, { replyEncoding: 'utf8' })) as Promise<LuaReply>;
}
