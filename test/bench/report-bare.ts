/** What reporting over HTTP is compared with: bare Fastify that adds each request's event to BullMQ as a job. Argument: the Redis URL. */
import { Queue } from 'bullmq';
import Fastify from 'fastify';
import { Redis } from 'ioredis';
import { USAGE_JOB, USAGE_JOB_OPTIONS, USAGE_QUEUE } from '@tally/client/protocol';

const connection = new Redis(process.argv[2] ?? '');
const queue = new Queue(USAGE_QUEUE, { connection, defaultJobOptions: USAGE_JOB_OPTIONS });
const fastify = Fastify();
fastify.post('/v1/usage/events', async (request, reply) => {
  await queue.add(USAGE_JOB, request.body);
  return reply.code(202).send({ object: 'usage.receipt', accepted: 1, rejected: [] });
});
process.send?.(await fastify.listen({ host: '127.0.0.1', port: 0 }));
