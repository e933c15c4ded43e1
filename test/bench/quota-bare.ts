/**
 * What the quota's routes are compared with: bare Fastify that runs the same scripts for one entity, and bare Fastify that answers
 * without a decision. Arguments: the Redis URL and the entity.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import Fastify from 'fastify';
import { Redis } from 'ioredis';

const [redisUrl = '', entity = ''] = process.argv.slice(2);
const redis = new Redis(redisUrl);
const QUOTA = new URL('../../src/quota/lua/', import.meta.url);
const HOLDS = ['holds', 'expire-holds'];
const DECISION = [...HOLDS, 'recall-leases', 'decision'];
const RESERVE = await load('reserve-arguments', 'bounds', 'reserve-fast-path', ...DECISION, 'reserve');
const RELEASE = await load('release-arguments', 'bounds', 'release-fast-path', ...HOLDS, 'release');
const holds = ['holds', 'expiry', 'ended'].map((name) => `tally:{${entity}}:${name}`);
const states = ['state', 'project:p', 'leases'].map((name) => `tally:{${entity}}:${name}`);
const AGE_MS_MAX = 1e12;

const fastify = Fastify();
fastify.post('/v1/quota/reservations', async (request, reply) => {
  const { project, model } = request.body as { project: string; model: string };
  const id = `res_${randomBytes(16).toString('base64url')}.${entity}`;
  const keys = [...holds, ...states];
  // As lua/reserve-arguments.lua names them.
  const args = ['', AGE_MS_MAX, 0, 'p', id, `p:1:0:${model}`, 900_000, 1_000, 1_000, '1000000', '', '', ''];
  const answer = await redis.evalsha(RESERVE, keys.length, ...keys, ...args);
  const [verdict] = answer as [string];
  return reply.code(verdict === 'held' ? 201 : 429).send({ object: 'quota.reservation', id, project, model });
});
fastify.post('/v1/quota/reservations/:id/release', async (request, reply) => {
  const { id } = request.params as { id: string };
  await redis.evalsha(RELEASE, holds.length, ...holds, '', id);
  return reply.send({ object: 'quota.reservation', id, released: true });
});
fastify.post('/bare/v1/quota/reservations', async (_request, reply) =>
  reply.code(201).send({ object: 'quota.reservation', id: 'res_none' }),
);
fastify.post('/bare/v1/quota/reservations/:id/release', async () => ({ released: true }));
process.send?.(await fastify.listen({ port: 0, host: '127.0.0.1' }));

async function load(...names: string[]): Promise<string> {
  const source = names.map((name) => readFileSync(new URL(`${name}.lua`, QUOTA), 'utf8')).join('\n');
  await redis.script('LOAD', source);
  return createHash('sha1').update(source).digest('hex');
}
