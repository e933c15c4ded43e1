import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';

describe('a query of a report', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await anApp();
  });
  afterAll(() => app.close());

  it.each([
    ['completions', '', 'start_time'],
    ['completions', 'start_time=soon', 'start_time'],
    ['completions', 'start_time=1&start_time=2', 'start_time'],
    ['completions', 'start_time=-1', 'start_time'],
    ['completions', 'start_time=999999999999', 'start_time'],
    ['completions', 'start_time=1764547200&end_time=1764547200', 'end_time'],
    ['completions', 'start_time=1764547200&end_time=1764547199', 'end_time'],
    ['completions', 'start_time=1764547200&bucket_width=1w', 'bucket_width'],
    ['completions', 'start_time=1764547200&limit=0', 'limit'],
    ['completions', 'start_time=1764547200&limit=32', 'limit'],
    ['completions', 'start_time=1764547200&limit=169&bucket_width=1h', 'limit'],
    ['completions', 'start_time=1764547200&limit=1441&bucket_width=1m', 'limit'],
    ['completions', 'start_time=1764547200&limit=1.5', 'limit'],
    ['completions', 'start_time=1764547200&group_by[]=colour', 'group_by'],
    ['completions', 'start_time=1764547200&group_by=line_item', 'group_by'],
    ['completions', 'start_time=1764547200&project_ids[]=', 'project_ids'],
    ['completions', 'start_time=1764547200&models[]=%00', 'models'],
    ['completions', 'start_time=1764547200&page=page_2', 'page'],
    ['completions', 'start_time=1764547200&page=page_AAAAAAAAAAAAAAAAAAAAAA', 'page'],
    ['completions', 'start_time=1764547200&batch=perhaps', 'batch'],
    ['completions', 'start_time=1764547200&colour=red', 'colour'],
    ['completions', 'start_time=1764547200&limit[]=3', 'limit[]'],
    ['embeddings', 'start_time=1764547200&group_by[]=batch', 'group_by'],
    ['costs', 'start_time=1764547200&bucket_width=1h', 'bucket_width'],
    ['costs', 'start_time=1764547200&limit=181', 'limit'],
    ['costs', 'start_time=1764547200&group_by[]=model', 'group_by'],
  ])('%s?%s is a 400 that names the field', async (report, query, param) => {
    const path = report === 'costs' ? '/v1/organization/costs' : `/v1/organization/usage/${report}`;
    const { status, body } = await app.call(`GET ${path}?${query}`, {
      headers: { 'openai-organization': 'entity1' },
    });
    expect([status, body.error]).toMatchObject([400, { param, type: 'invalid_request_error' }]);
    expect(body.error.message).toContain(`${param}: `);
  });
});
