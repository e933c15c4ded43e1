/**
 * What the quota's routes are compared with, on bare Fastify: one lean script that only prunes, compares and holds; the scripts of the
 * service; and an answer without a decision. Arguments: the Redis URL and the entity.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import Fastify, { type FastifyInstance } from 'fastify';
import { Redis } from 'ioredis';

const TTL_MS = 900_000;
/** What one token costs in the bench, in nanodollars. */
const HOLD_NANOS = 1_000;

const [redisUrl = '', entity = ''] = process.argv.slice(2);
const redis = new Redis(redisUrl);
const fastify = Fastify();
serveLean(fastify);
serveSame(fastify);
fastify.post('/alone/v1/quota/reservations', async (_, reply) =>
  reply.code(201).send({ object: 'quota.reservation', id: 'res_none' }),
);
fastify.post('/alone/v1/quota/reservations/:id/release', async () => ({ released: true }));
process.send?.(await fastify.listen({ port: 0, host: '127.0.0.1' }));

/** A sorted set of the holds by their ends, a hash of their amounts, and a hash of the total and the cap. No rule beyond these. */
function serveLean(on: FastifyInstance): void {
  const keys = ['ends', 'amounts', 'totals'].map((name) => `lean:{${entity}}:${name}`);
  const reserve = scriptOf(`
    local now, amount = tonumber(ARGV[1]), tonumber(ARGV[3])
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 20)) do
      redis.call('HINCRBY', KEYS[3], 'held', -redis.call('HGET', KEYS[2], id))
      redis.call('HDEL', KEYS[2], id)
      redis.call('ZREM', KEYS[1], id)
    end
    local totals = redis.call('HMGET', KEYS[3], 'held', 'cap')
    if (totals[1] or 0) + amount > tonumber(totals[2]) then return 0 end
    redis.call('ZADD', KEYS[1], now + ${TTL_MS}, ARGV[2])
    redis.call('HSET', KEYS[2], ARGV[2], amount)
    return redis.call('HINCRBY', KEYS[3], 'held', amount)`);
  const release = scriptOf(`
    local amount = redis.call('HGET', KEYS[2], ARGV[1])
    if not amount then return 0 end
    redis.call('ZREM', KEYS[1], ARGV[1])
    redis.call('HDEL', KEYS[2], ARGV[1])
    return redis.call('HINCRBY', KEYS[3], 'held', -amount)`);
  void redis.hset(keys[2]!, 'cap', 1e15);
  on.post('/lean/v1/quota/reservations', async (request, reply) => {
    const { project, model } = request.body as { project: string; model: string };
    const id = newId();
    const held = (await run(reserve, keys, [Date.now(), id, HOLD_NANOS])) as number;
    return reply.code(held > 0 ? 201 : 429).send({ object: 'quota.reservation', id, project, model });
  });
  on.post('/lean/v1/quota/reservations/:id/release', async (request, reply) => {
    const { id } = request.params as { id: string };
    await run(release, keys, [id]);
    return reply.send({ object: 'quota.reservation', id, released: true });
  });
}

function serveSame(on: FastifyInstance): void {
  const holdScripts = ['holds', 'expire-holds'];
  const decision = [...holdScripts, 'recall-leases', 'decision'];
  const reserve = ours('reserve-arguments', 'bounds', 'reserve-fast-path', ...decision, 'reserve');
  const release = ours('release-arguments', 'bounds', 'release-fast-path', ...holdScripts, 'release');
  const keysOf = (...names: string[]) => names.map((name) => `tally:{${entity}}:${name}`);
  const holds = keysOf('holds', 'expiry', 'ended');
  const all = [...holds, ...keysOf('state', 'project:p', 'leases')];
  on.post('/same/v1/quota/reservations', async (request, reply) => {
    const { project, model } = request.body as { project: string; model: string };
    const id = newId();
    // As lua/reserve-arguments.lua names them.
    const args = [
      String(Date.now()),
      1e12,
      0,
      'p',
      id,
      `p:1:0:${model}`,
      TTL_MS,
      1_000,
      1_000,
      '1000000',
      '',
      '',
      '',
    ];
    const [verdict] = (await run(reserve, all, args)) as [string];
    return reply
      .code(verdict === 'held' ? 201 : 429)
      .send({ object: 'quota.reservation', id, project, model });
  });
  on.post('/same/v1/quota/reservations/:id/release', async (request, reply) => {
    const { id } = request.params as { id: string };
    await run(release, holds, [String(Date.now()), id]);
    return reply.send({ object: 'quota.reservation', id, released: true });
  });
}

type Script = { readonly sha: string };

async function run({ sha }: Script, keys: string[], args: (string | number)[]): Promise<unknown> {
  return redis.evalsha(sha, keys.length, ...keys, ...args);
}

function ours(...names: string[]): Script {
  const lua = new URL('../../src/quota/lua/', import.meta.url);
  return scriptOf(names.map((name) => readFileSync(new URL(`${name}.lua`, lua), 'utf8')).join('\n'));
}

function scriptOf(text: string): Script {
  void redis.script('LOAD', text);
  return { sha: createHash('sha1').update(text).digest('hex') };
}

function newId(): string {
  return `res_${randomBytes(16).toString('base64url')}.${entity}`;
}
