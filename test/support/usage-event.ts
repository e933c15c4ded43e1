/** A usage event as a gateway reports it. A test names only what matters to it. */
import {
  usageEvent,
  type UsageEvent,
  type UsageFacts,
} from '../../packages/client/src/protocol/usage-event.js';
import { LLAMA } from './builders.js';

export function aUsageEvent(facts: Partial<UsageFacts> & { id: string }): UsageEvent {
  return usageEvent({
    source: '/gateways/test-1',
    project: 'entity1/project1',
    time: new Date('2026-11-22T20:00:00Z'),
    model: LLAMA,
    operation: 'chat',
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
    ...facts,
  });
}
