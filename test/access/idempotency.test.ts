import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { anApp, type Answer, type TestApp } from '../support/app.js';
import { until } from '../support/until.js';

describe('a change under an idempotency key', () => {
  let app: TestApp;
  let entity: string;
  let count = 0;
  beforeAll(async () => {
    app = await anApp();
  });
  afterAll(() => app.close());
  beforeEach(async () => {
    count += 1;
    entity = `entity${count}`;
    await app.call(`PUT /v1/admin/entities/${entity}`, { body: { plan: 'free' } });
  });

  const buy = (key: string, body: unknown = { amount_usd: '10' }, secret = app.adminKey): Promise<Answer> =>
    app.call(`POST /v1/admin/entities/${entity}/credits`, {
      body,
      key: secret,
      headers: { 'idempotency-key': key },
    });

  const grants = async (): Promise<{ amount_usd: string }[]> =>
    (await app.call(`GET /v1/admin/entities/${entity}/credits`)).body.data;

  it('repeated, gives the stored answer again and buys nothing', async () => {
    const first = await buy('invoice-1');
    const again = await buy('invoice-1');
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(again.text).toBe(first.text);
    expect(first.headers.get('idempotent-replayed')).toBeNull();
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(await grants()).toHaveLength(1);
  });

  it('the order of the fields is no difference', async () => {
    await buy('invoice-2', { amount_usd: '10', note: 'n' });
    expect((await buy('invoice-2', { note: 'n', amount_usd: '10' })).status).toBe(201);
    expect(await grants()).toHaveLength(1);
  });

  it('with another body is a 422 that says so', async () => {
    await buy('invoice-3');
    const { status, body } = await buy('invoice-3', { amount_usd: '11' });
    expect([status, body.error.code]).toEqual([422, 'idempotency_key_reused']);
    expect(await grants()).toHaveLength(1);
  });

  it('with another path is a 422 too', async () => {
    await buy('invoice-4');
    const { status } = await app.call(`PATCH /v1/admin/entities/${entity}/limits`, {
      body: { amount_usd: '10' },
      headers: { 'idempotency-key': 'invoice-4' },
    });
    expect(status).toBe(400);
    await app.call(`PUT /v1/admin/entities/${entity}x`, { body: { plan: 'free' } });
    const other = await app.call(`POST /v1/admin/entities/${entity}x/credits`, {
      body: { amount_usd: '10' },
      headers: { 'idempotency-key': 'invoice-4' },
    });
    expect(other.status).toBe(422);
  });

  it('a refused change leaves the key free', async () => {
    expect((await buy('invoice-5', { amount_usd: '10', expires_at: 1_000_000_000 })).status).toBe(400);
    expect((await buy('invoice-5')).status).toBe(201);
  });

  it('twins at once make exactly one purchase', async () => {
    const twins = await Promise.all(Array.from({ length: 20 }, () => buy('invoice-6')));
    const statuses = twins.map(({ status }) => status);
    expect(statuses.filter((status) => status !== 201 && status !== 409)).toEqual([]);
    expect(statuses).toContain(201);
    const refused: string[] = twins.filter(({ status }) => status === 409).map(({ body }) => body.error.code);
    expect(refused).toEqual(refused.map(() => 'idempotency_key_in_use'));
    const ids = new Set(twins.filter(({ status }) => status === 201).map(({ body }) => body.id));
    expect(ids.size).toBe(1);
    expect(await grants()).toHaveLength(1);
  });

  it('while its first call is still running is a 409 at once', async () => {
    await buy('invoice-7', { amount_usd: '1' });
    const blocker = await app.postgres.pool.connect();
    try {
      await blocker.query('begin');
      await blocker.query('select name from entities where name = $1 for update', [entity]);
      const running = buy('invoice-8');
      await until('the first call waits for the entity', () => isWaiting(app));
      const twin = await buy('invoice-8');
      expect([twin.status, twin.headers.get('retry-after')]).toEqual([409, '1']);
      await blocker.query('rollback');
      expect((await running).status).toBe(201);
    } finally {
      blocker.release();
    }
    expect(await grants()).toHaveLength(2);
  });

  it('of one bound key has nothing to do with the same key of another', async () => {
    const limits = [entity, `${entity}b`].map(async (name, index) => {
      await app.call(`PUT /v1/admin/entities/${name}`, { body: { plan: 'pro' } });
      return app.call('POST /v1/organization/spend_limit', {
        key: await app.key('owner', name),
        headers: { 'idempotency-key': 'limit-9' },
        body: { threshold_amount: 100 * (index + 1), currency: 'USD', interval: 'month' },
      });
    });
    const [a, b] = await Promise.all(limits);
    expect([a!.status, b!.status, a!.body.threshold_amount, b!.body.threshold_amount]).toEqual([
      200, 200, 100, 200,
    ]);
  });

  it.each(['spend_limit', 'projects/project1/spend_limit'])(
    'for another organization is a 422 of its own, and its %s is not said to be set',
    async (path) => {
      const set = (organization: string) =>
        app.call(`POST /v1/organization/${path}`, {
          body: { threshold_amount: 1_000 },
          headers: { 'idempotency-key': `b12-${path}`, 'openai-organization': organization },
        });
      for (const name of [entity, `${entity}b`]) {
        await app.call(`PUT /v1/admin/entities/${name}`, { body: { plan: 'free' } });
        await app.call(`PUT /v1/admin/entities/${name}/projects/project1`, { body: {} });
      }
      const [first, second, again] = [await set(entity), await set(`${entity}b`), await set(entity)];
      expect([first.status, second.status, again.status]).toEqual([200, 422, 200]);
      expect(second.body.error.code).toBe('idempotency_key_reused');
      expect(again.headers.get('idempotent-replayed')).toBe('true');
    },
  );

  it('of 1 to 255 printable characters is taken, and any other is a 400 before anything is changed', async () => {
    for (const key of ['k', 'k'.repeat(255)]) expect((await buy(key)).status).toBe(201);
    for (const key of ['', 'k'.repeat(256), 'a\tb', 'schl\u00fcssel']) {
      const { status, body } = await buy(key);
      expect([key, status, body.error?.param]).toEqual([key, 400, 'Idempotency-Key']);
    }
    expect(await grants()).toHaveLength(2);
  });

  it('counts for no DELETE: that answers what is there now', async () => {
    const { body: key } = await app.call('POST /v1/admin/keys', { body: { name: 'k', role: 'gateway' } });
    const remove = () =>
      app.call(`DELETE /v1/admin/keys/${key.id}`, { headers: { 'idempotency-key': 'delete-1' } });
    expect((await remove()).headers.get('idempotent-replayed')).toBeNull();
    expect((await remove()).headers.get('idempotent-replayed')).toBeNull();
    expect(
      (await app.postgres.pool.query(`select from idempotency_keys where key = 'delete-1'`)).rowCount,
    ).toBe(0);
  });

  it('every change is in the audit log once, with who made it', async () => {
    const { body: ada } = await app.call('POST /v1/admin/keys', { body: { name: 'Ada', role: 'admin' } });
    const key = ada.secret;
    await buy('invoice-10', { amount_usd: '10' }, key);
    await buy('invoice-10', { amount_usd: '10' }, key);
    const { body } = await app.call(`GET /v1/admin/audit_log?entity=${entity}`);
    const actions = body.data.map((row: { action: string }) => row.action);
    expect(actions.filter((action: string) => action === 'credits.grant')).toHaveLength(1);
    expect(body.data[0]).toMatchObject({
      object: 'audit_entry',
      actor: ada.id,
      actor_name: 'Ada',
      entity,
    });
  });

  it('the secret of a new key is in no stored answer', async () => {
    const headers = { 'idempotency-key': `key-${entity}` };
    const made = await app.call('POST /v1/admin/keys', { body: { name: 'k', role: 'gateway' }, headers });
    const { rows } = await app.postgres.pool.query('select body from idempotency_keys');
    expect(JSON.stringify(rows)).not.toContain(made.body.secret);
  });
});

async function isWaiting(app: TestApp): Promise<boolean> {
  const { rows } = await app.postgres.pool.query(
    "select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
  );
  return rows.length > 0;
}
