/** A Lua script that Redis keeps under its hash: sent whole once, by its hash from then on. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Redis } from 'ioredis';
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
  async run(gate: RedisGate, keys: readonly string[], args: readonly (string | number)[]): Promise<LuaReply> {
    return (await gate.ask((redis) => this.evaluate(redis, keys, args))) as LuaReply;
  }

  private async evaluate(redis: Redis, keys: readonly string[], args: readonly (string | number)[]) {
    try {
      return await redis.evalsha(this.sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return redis.eval(this.source, keys.length, ...keys, ...args);
    }
  }
}
