/** Every command that changes something, against the whole app: what it says, what it does, and that nothing happens unless somebody wants it. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { aCliWorld, UNPRICED, type CliWorld } from '../support/cli-world.js';
import { until } from '../support/until.js';

let world: CliWorld;
beforeAll(async () => {
  world = await aCliWorld();
});
afterAll(() => world?.close());

const get = async (path: string) => (await world.app.call(`GET ${path}`)).body;
const creditsOf = async (entity: string) => (await get(`/v1/entities/${entity}/balance`)).credits_usd;
const grants = async (entity: string) => (await get(`/v1/admin/entities/${entity}/credits`)).data;

/** Splits at blanks, outside of quotes. */
const words = (command: string): string[] =>
  [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
const tally = (command: string) => world.tally(...words(command));

describe('a command that changes something', () => {
  it.each([
    'credits buy acme 5 --reference no_1',
    'credits grant acme 5',
    'limits acme --monthly-cap 1',
    'entity plan acme free',
    'entity delete globex',
    'prices publish x --input 1 --output 1',
    'keys revoke KEY',
    'keys rotate KEY',
    'dead-letters replay --all',
    'dead-letters discard --all',
    `prices rerate ${UNPRICED} --from 2026-11-01 --to 2026-11-02 --reason x`,
  ])(
    '%s asks, so without a terminal and --yes it ends with 2, says what to do, and changes nothing',
    async (command) => {
      const audits = async () => (await get('/v1/admin/audit_log')).data[0]?.id;
      const before = await audits();
      const [key] = (await get('/v1/admin/keys')).data;
      const { code, stdout, stderr } = await tally(command.replace('KEY', key.id));
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(/is no terminal to ask on: add --yes/);
      expect(await audits()).toBe(before);
    },
  );

  it('--dry-run shows what it would do, and does nothing', async () => {
    const before = await creditsOf('acme');
    const { code, stdout } = await tally('credits buy acme 250.5 --reference dry_1 --dry-run');
    expect(code).toBe(0);
    expect(stdout).toContain('Sell $250.50 of paid credits to acme, reference dry_1.');
    expect(stdout).toMatch(/Credits now \$499\.99\d*, then \$750\.49/);
    expect(stdout).toContain('This was a dry run: nothing was changed.');
    expect(await creditsOf('acme')).toBe(before);
  });

  it('sells, gives, freezes and takes back credits, with a reference only once', async () => {
    await tally('entity create initech --plan pro');
    const sold = await world.json(
      ...words('credits buy initech $100 --reference inv_7 --expires 2099-01-01 --yes'),
    );
    expect(sold).toMatchObject({
      amount_usd: '100',
      category: 'paid',
      reference: 'inv_7',
      expires_at: 4_070_908_800,
    });
    expect(await tally('credits buy initech 100 --reference inv_7 --yes')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(new RegExp(`^error: .*\nThere already: ${sold.id}`)),
    });
    expect(await tally('credits grant initech 2.5 --note sorry --yes')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('$2.50 for initech'),
    });
    expect(await creditsOf('initech')).toBe('102.5');
    await tally(`credits freeze initech ${sold.id} --reason dispute --yes`);
    expect((await tally('credits list initech')).stdout).toMatch(/\bfrozen\b/);
    expect(await creditsOf('initech')).toBe('2.5');
    await tally(`credits unfreeze initech ${sold.id} --reason settled --yes`);
    const dry = await tally(`credits void initech ${sold.id} --reason oops --amount 30 --dry-run`);
    expect(dry.stdout).toMatch(/^left +\$100\.00 → \$70\.00$/m);
    await tally(`credits void initech ${sold.id} --reason oops --amount 30 --yes`);
    await tally(`credits void initech ${sold.id} --reason "all of it" --refund --yes`);
    expect(await grants('initech')).toMatchObject([
      { amount_usd: '2.5' },
      { id: sold.id, remaining_usd: '0' },
    ]);
  });

  it('creates a customer once, moves it to another plan, and deletes one that was never used', async () => {
    expect((await tally('entity create hooli --plan free')).stdout).toBe(
      'Created hooli with the plan free.\n',
    );
    const again = await tally('entity create hooli --plan pro');
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('tally entity plan hooli pro')]);
    const others = await Promise.all(
      ['free', 'pro'].map((plan) => tally(`entity create pied-piper --plan ${plan}`)),
    );
    expect(others.map(({ code }) => code)).toEqual(expect.arrayContaining([0, 1]));
    const dry = await tally('entity plan hooli pro --dry-run');
    expect(dry.stdout).toMatch(/^monthly cap +\$100\.00 \(of the plan\) → \$6,000\.00 \(of the plan\)$/m);
    await tally('entity plan hooli pro --yes');
    expect(await get('/v1/admin/entities/hooli')).toMatchObject({ plan: 'pro' });
    expect((await tally('entity delete hooli --yes')).stdout).toBe('Deleted hooli.\n');
    expect((await tally('entity plan nobody pro --yes')).code).toBe(1);
  });

  it('changes the limits that are named, of a customer and of a project, and leaves the others', async () => {
    const dry = await tally('limits acme --monthly-cap 1000 --max-concurrent 20 --dry-run');
    expect(dry.stdout).toMatch(/^monthly cap +\$6,000\.00 \(of the plan\) → \$1,000\.00$/m);
    expect(dry.stdout).not.toContain('yearly cap');
    await tally('limits acme --monthly-cap 1000 --max-concurrent 20 --yes');
    await tally('limits acme --monthly-cap none --overage blocked --mode shadow --yes');
    await tally('limits acme/search --monthly-cap 100.25 --yes');
    const made = await tally('limits acme/not-yet --monthly-cap 7 --yes');
    expect([made.code, made.stdout]).toEqual([0, expect.stringMatching(/^monthly cap +\$7\.00$/m)]);
    expect((await tally('limits nobody/x --monthly-cap 7 --yes')).code).toBe(1);
    expect(await get('/v1/admin/entities/acme')).toMatchObject({
      monthly_cap_usd: null,
      overage: 'blocked',
      max_concurrent_requests: 20,
      quota_mode: 'shadow',
    });
    expect(await get('/v1/admin/entities/acme/projects/search/limits')).toMatchObject({
      monthly_cap_usd: '100.25',
    });
    await tally(
      'limits acme --monthly-cap inherit --overage inherit --max-concurrent inherit --mode enforce --yes',
    );
    expect(await get('/v1/admin/entities/acme')).toMatchObject({
      monthly_cap_usd: '6000',
      overage: 'allowed',
    });
    expect(await tally('limits acme/search --yearly-cap 5 --yes')).toMatchObject({ code: 2, stdout: '' });
  });

  it('makes, renames, rotates and revokes a key, and shows a secret once', async () => {
    const made = await world.json(...words('keys create "eu gateway" --role gateway --entity acme'));
    expect(made).toMatchObject({
      name: 'eu gateway',
      role: 'gateway',
      entity: 'acme',
      secret: expect.any(String),
    });
    await tally(`keys rename ${made.id} "old gateway"`);
    const rotated = await world.json(...words(`keys rotate ${made.id} --overlap 1h --yes`));
    expect(rotated).toMatchObject({ name: 'old gateway', secret: expect.any(String) });
    expect(rotated.secret).not.toBe(made.secret);
    const revoked = await tally(`keys revoke ${made.id} --yes`);
    expect([revoked.code, revoked.stdout]).toEqual([0, `Revoked old gateway (${made.id}).\n`]);
    const { stdout } = await tally('keys list --state revoked');
    expect(stdout).toContain(made.id);
    expect(stdout + revoked.stdout).not.toContain(made.secret);
    expect(await tally('keys create x --role owner')).toMatchObject({ code: 1 });
  });

  it('publishes a price, shows before what it charges, and charges again by it', async () => {
    const publish = `prices publish ${UNPRICED} --input 1 --output 2 --max-output 8192`;
    const dry = await tally(`${publish} --dry-run`);
    expect(dry.stdout).toMatch(/^input, per million +none → \$1\.00$/m);
    expect(dry.stdout).toContain('It charges 1 event that waited for it.');
    const published = await world.json(...words(`${publish} --yes`));
    expect(published).toMatchObject({ model: UNPRICED, input_usd_per_million: '1', charged_events: 1 });
    const file = join(world.directory, 'price.json');
    await writeFile(
      file,
      JSON.stringify({ ...published, variants: [{ when: { service_tier: 'batch' }, multiplier: '0.5' }] }),
    );
    const next = await world.json(
      ...words(`prices publish ${UNPRICED} --file ${file} --input 3 --set search_usd=0.01 --yes`),
    );
    expect(next).toMatchObject({
      input_usd_per_million: '3',
      output_usd_per_million: '2',
      search_usd: '0.01',
      variants: [{}],
    });
    const [from, to] = [new Date(Date.now() - 86_400_000), new Date(Date.now() + 86_400_000)].map((day) =>
      day.toISOString(),
    );
    const rerate = `prices rerate ${UNPRICED} --from ${from} --to ${to} --reason wrong`;
    const preview = await tally(`${rerate} --dry-run`);
    expect([preview.code, preview.stdout]).toEqual([
      0,
      expect.stringMatching(/Events that change: \d of 1,|No charge changes/),
    ]);
    expect((await tally(`${rerate} --yes`)).code).toBe(0);
    expect(await tally('prices publish x --yes')).toMatchObject({ code: 2 });
  });

  it('imports a price map after showing the difference by model and field', async () => {
    const file = join(world.directory, 'map.json');
    const entry = {
      litellm_provider: 'x',
      mode: 'chat',
      input_cost_per_token: 1.5e-7,
      output_cost_per_token: 6e-7,
      max_tokens: 4096,
    };
    await writeFile(file, JSON.stringify({ 'map-model': entry, 'odd-model': { mode: 'chat' } }));
    const dry = await tally(`prices import ${file} --dry-run`);
    expect(dry.stdout).toMatch(/map-model \(new\) +input_usd_per_million +none +0\.15/);
    expect(dry.stdout).toMatch(/1 would be published, 0 unchanged, 0 kept .*, 1 skipped\./);
    const done = await tally(`prices import ${file} --yes`);
    expect([done.code, done.stdout]).toEqual([0, expect.stringContaining('1 published')]);
    expect((await tally('prices list --model map-model')).stdout).toContain('$0.15');
    await writeFile(file, '{');
    expect(await tally(`prices import ${file} --yes`)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is not JSON'),
    });
    expect(await tally('prices import /nonexistent --yes')).toMatchObject({ code: 2 });
  });

  it('counts or reviews a conflict, replays a mended dead letter, and voids an event', async () => {
    const reviewed = await tally(`conflicts review ${world.conflict} --note seen`);
    expect(reviewed.stdout).toContain('is reviewed');
    const counted = await world.json('conflicts', 'count', world.conflict, '--yes');
    expect(counted).toMatchObject({ status: 'counted' });
    const dry = await tally(`dead-letters replay ${world.letter} --mend-model other --dry-run`);
    expect(dry.stdout).toContain('to the queue again with model other');
    expect((await tally(`dead-letters discard ${world.letter} --yes`)).stdout).toContain('is discarded');
    expect((await tally('dead-letters replay --entity acme --all --yes')).stdout).toBe('0 replayed.\n');
    const mended = await tally(
      `dead-letters replay ${world.letter} --mend-time ${new Date().toISOString()} --yes`,
    );
    expect([mended.code, mended.stdout]).toEqual([
      0,
      expect.stringContaining(`What came of it: tally dead-letters show ${world.letter}`),
    ]);
    await until(
      'its event is counted',
      async () => (await tally('events show bad --entity acme')).code === 0,
    );
    expect(await tally('dead-letters replay --yes')).toMatchObject({ code: 2, stdout: '' });
    const voided = await world.json(...words(`void ${world.eventId} --entity acme --reason twice --yes`));
    expect(voided).toMatchObject({ kind: 'void', event_id: world.eventId, cost_usd: '-0.00071' });
    expect((await tally(`explain ${world.eventId} --entity acme`)).stdout).toMatch(
      /^voided +-\$0\.00071 in .*: twice$/m,
    );
  });

  it('tests a webhook, and lists what was sent', async () => {
    const [{ id }] = (await get('/v1/admin/webhooks')).data;
    expect((await tally(`webhooks test ${id}`)).code).toBe(0);
    expect((await tally(`webhooks deliveries ${id}`)).stdout).toContain('webhook.test');
  });
});
