import { describe, expect, it } from '@jest/globals';
import type { ProjectName } from '../../src/domain/ids.js';
import { fingerprintOf, identityOf, type UsageEvent } from '../../src/domain/usage.js';
import { anEvent } from '../support/builders.js';

describe('identity and fingerprint', () => {
  const event = anEvent({
    id: 'chatcmpl-1',
    quantities: { input: 1, cached_input: 2, output: 3 },
    tags: { a: '1', b: '2' },
  });
  const LATER = new Date(event.occurredAt.getTime() + 1);

  it('identifies an event by source and id alone', () => {
    const other: UsageEvent = { ...event, occurredAt: LATER, model: 'other' };
    expect(identityOf(other)).toBe(identityOf(event));
    expect(identityOf({ entity: 'e', source: 'a', id: 'bc' })).not.toBe(
      identityOf({ entity: 'e', source: 'ab', id: 'c' }),
    );
    expect(identityOf(event)).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  });

  it('gives any other content another fingerprint, but not another sequence of tags', () => {
    const others: Partial<UsageEvent>[] = [
      { occurredAt: LATER },
      { model: 'n' },
      { project: 'project2' as ProjectName },
      { quantities: { ...event.quantities, input: 2 } },
      { quantities: { ...event.quantities, cache_write_1h: 1 } },
      { serviceTier: 'batch' },
      { region: 'eu' },
      { attributes: { resolution: '4k' } },
      { rawUsage: { mystery_tokens: 1 } },
      { usageSource: 'estimated' },
      { tags: null },
    ];
    for (const other of others) expect(fingerprintOf({ ...event, ...other })).not.toBe(fingerprintOf(event));
    expect(fingerprintOf({ ...event, tags: { b: '2', a: '1' } })).toBe(fingerprintOf(event));
  });
});
