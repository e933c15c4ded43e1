/** The service as it is operated, with customers who have used it, and its document. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setLimits, type TestApp } from '../../support/app.js';
import { LLAMA } from '../../support/builders.js';
import { aDatabase } from '../../support/database.js';
import { pauseUpkeep } from '../../support/paused-upkeep.js';
import { aRedis } from '../../support/redis.js';
import { startService } from '../../support/service-process.js';
import { until } from '../../support/until.js';
import { aUsageEvent } from '../../support/usage-event.js';
import { aTestQueue } from '../../support/usage-queue.js';

const DAY_MS = 86_400_000;
/** A forecast needs three whole days. */
const DAYS_OF_USAGE = 5;

export type DocumentedService = {
  readonly url: string;
  readonly call: TestApp['call'];
  /** A directory for what the test makes of the document; it is removed at the end. */
  readonly directory: string;
  /** The document, written into that directory. */
  readonly documentFile: string;
  readonly document: object;
  /** A new key's id and secret. */
  key(role: 'admin' | 'gateway' | 'finance', entity?: string): Promise<{ id: string; secret: string }>;
  /** What the service has printed. */
  log(): string;
  /** Nothing is sent to anybody any more. */
  pauseUpkeep(): Promise<void>;
  /** Waits until all reported usage is counted. */
  settled(): Promise<void>;
  close(): Promise<void>;
};

/**
 * `entity1` has credits, a cap and five days of usage, `newcomer` has never used anything, `stopped` has a cap of nothing. There is one
 * dead letter and one conflict.
 */
export async function aDocumentedService(): Promise<DocumentedService> {
  const [postgres, redis] = await Promise.all([aDatabase(), aRedis()]);
  const process = await startService({ role: 'all', databaseUrl: postgres.url, redisUrl: redis.url });
  const directory = await mkdtemp(join(tmpdir(), 'tally-document-'));
  const { url, call } = process;
  await addCustomers(call);
  const { body: document } = await call('GET /openapi.json', { key: null });
  const documentFile = join(directory, 'openapi.json');
  await writeFile(documentFile, JSON.stringify(document));
  return {
    url,
    call,
    directory,
    documentFile,
    document,
    async key(role, entity) {
      const { body } = await call('POST /v1/admin/keys', {
        body: { name: 'test', role, entity: entity ?? null },
      });
      return { id: String(body.id), secret: String(body.secret) };
    },
    log: () => process.log(),
    pauseUpkeep: () => pauseUpkeep(redis.url),
    async settled() {
      const queue = await aTestQueue(redis.url, { mayDie: false });
      await queue.drained();
      await queue.close();
    },
    async close() {
      await process.kill();
      await Promise.all([postgres.drop(), redis.stop(), rm(directory, { recursive: true, force: true })]);
    },
  };
}

async function addCustomers(call: TestApp['call']): Promise<void> {
  const plan = { monthly_cap_usd: '1000', overage: 'allowed', max_concurrent_requests: null };
  await setLimits(call, 'entity1', plan);
  await setLimits(call, 'newcomer', plan);
  await setLimits(call, 'stopped', { ...plan, monthly_cap_usd: '0' });
  await call('POST /v1/admin/entities/entity1/credits', { body: { amount_usd: '50', category: 'paid' } });
  const nowMs = Date.now();
  const days = Array.from({ length: DAYS_OF_USAGE }, (_, day) => new Date(nowMs - day * DAY_MS));
  const usage = { prompt_tokens: 1_000, completion_tokens: 100, total_tokens: 1_100 };
  const events = days.map((time, day) => aUsageEvent({ id: `day-${day}`, time, usage }));
  const negative = aUsageEvent({ id: 'negative', usage: { ...usage, prompt_tokens: -1 } });
  const other = aUsageEvent({
    id: 'day-0',
    time: days[0]!,
    usage: { ...usage, prompt_tokens: 1_001, total_tokens: 1_101 },
  });
  await call('POST /v1/usage/events', { body: events });
  await until(
    'the usage is counted',
    async () => (await countOf(call, '/v1/entities/entity1/events')) === DAYS_OF_USAGE,
  );
  await call('POST /v1/usage/events', { body: [negative, other] });
  await until('the dead letter is kept', async () => (await countOf(call, '/v1/admin/dead_letters')) === 1);
  await until('the conflict is kept', async () => (await countOf(call, '/v1/admin/usage_conflicts')) === 1);
  await call('POST /v1/quota/reservations', { body: { project: 'stopped/project1', model: LLAMA } });
}

async function countOf(call: TestApp['call'], path: string): Promise<number> {
  const { body } = await call(`GET ${path}`);
  return body.data.length;
}
