import { afterEach, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from './support/app.js';

describe('the whole app', () => {
  let app: TestApp | null = null;
  afterEach(async () => app?.close());

  it.each(['api', 'worker', 'all'] as const)('boots as %s, is alive, ready and measured', async (role) => {
    app = await anApp({ role });
    expect((await app.call('GET /livez', { key: null })).body).toEqual({ status: 'ok' });
    const ready = await app.call('GET /readyz', { key: null });
    expect([ready.status, ready.body]).toEqual([
      200,
      { status: 'ok', checks: { postgres: 'ok', redis: 'ok' } },
    ]);
    const metrics = await app.call('GET /metrics');
    expect(metrics.headers.get('content-type')).toContain('text/plain; version=0.0.4');
    expect(metrics.text).toContain(
      'tally_http_request_duration_seconds_count{method="GET",route="/livez",status="200"} 1',
    );
    const entities = await app.call('GET /v1/admin/entities');
    expect(entities.status).toBe(role === 'worker' ? 404 : 200);
  });
});
