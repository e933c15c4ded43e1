import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';
import { anEvent } from '../support/builders.js';
import { recordUsage } from '../support/usage.js';

describe('GET /v1/entities', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await anApp();
    await recordUsage(app, [anEvent(), anEvent({ subject: 'entity2/project1' })]);
  });
  afterAll(() => app.close());

  it('lists the entities that a key may look at: all, page by page, or only its own, even an unknown one', async () => {
    const first = await app.call('GET /v1/entities?limit=1', { key: await app.key('finance') });
    expect(first.body).toMatchObject({ data: [{ entity: 'entity1', plan: 'free' }], has_more: true });
    const next = await app.call('GET /v1/entities?limit=1&after=entity1');
    expect(next.body).toMatchObject({ data: [{ entity: 'entity2' }], has_more: false });
    const bound = await app.call('GET /v1/entities', { key: await app.key('finance', 'nobody-yet') });
    expect(bound.body.data).toEqual([{ object: 'entity_name', entity: 'nobody-yet', plan: 'free' }]);
  });
});
