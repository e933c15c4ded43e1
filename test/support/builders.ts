/** Events for tests: everything has a default, so that a test names only what it is about. */
import { randomUUID } from 'node:crypto';
import type { EntityName, ProjectName } from '../../src/domain/ids.js';
import type { UsageEvent } from '../../src/domain/usage.js';

export const LLAMA = 'cw_meta-llama_Llama-3.3-70B-Instruct';
/** Of the price book: $0.71 per million tokens, in and out. */
export const LLAMA_PICOS_PER_TOKEN = 710_000n;

type EventOverride = Partial<Omit<UsageEvent, 'entity' | 'project'>> & { subject?: string };

export function anEvent({ subject = 'entity1/project1', ...override }: EventOverride = {}): UsageEvent {
  const [entity, project] = subject.split('/') as [EntityName, ProjectName];
  return {
    source: '/gateways/test',
    id: randomUUID(),
    entity,
    project,
    occurredAt: new Date('2026-11-22T11:30:00Z'),
    model: LLAMA,
    operation: 'chat',
    quantities: { input: 100, output: 50 },
    serviceTier: 'default',
    region: null,
    attributes: null,
    unread: [],
    rawUsage: null,
    mended: [],
    usageSource: 'reported',
    reservationId: null,
    apiKeyId: null,
    userId: null,
    requestId: null,
    tags: null,
    ...override,
  };
}

/** The CloudEvent that a producer sends for 100 prompt and 50 completion tokens. */
export function anEventBody(
  override: Record<string, unknown> = {},
  data: Record<string, unknown> = {},
): Record<string, unknown> {
  return {
    specversion: '1.0',
    id: randomUUID(),
    source: '/gateways/test',
    type: 'ai.inference.usage.v1',
    subject: 'entity1/project1',
    time: '2026-11-22T11:30:00.000Z',
    ...override,
    data: {
      model: LLAMA,
      operation: 'chat',
      usage: { prompt_tokens: 100, completion_tokens: 50, total_tokens: 150 },
      ...data,
    },
  };
}
