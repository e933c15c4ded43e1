/** What a command says before and after a change: all that it would take away, and where to look next. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { makeProgram } from '../../packages/cli/src/program.js';
import { SETTABLE } from '../../packages/cli/src/commands/price-publishing.js';
import { PriceOrder } from '../../src/prices/prices.schema.js';
import { anEventBody } from '../support/builders.js';
import { runTally } from '../support/cli.js';
import { aCliWorld, UNPRICED, type CliWorld } from '../support/cli-world.js';
import { until } from '../support/until.js';

let world: CliWorld;
beforeAll(async () => {
  world = await aCliWorld();
});
afterAll(() => world?.close());

describe('a preview', () => {
  it('of a price names the variants that it drops', async () => {
    const batch = { when: { service_tier: 'batch' }, multiplier: '0.5' };
    const body = {
      model: 'varied',
      input_usd_per_million: '1',
      output_usd_per_million: '2',
      variants: [batch],
    };
    expect((await world.app.call('POST /v1/admin/prices', { body })).status).toBe(201);
    const dry = await world.tally(
      'prices',
      'publish',
      'varied',
      '--input',
      '4',
      '--output',
      '2',
      '--dry-run',
    );
    expect(dry.stdout).toMatch(/^input, per million +\$1\.00 → \$4\.00$/m);
    expect(dry.stdout).toMatch(/^output, per million +\$2\.00$/m);
    expect(dry.stdout).toMatch(/^variant \{"service_tier":"batch"\} +×0\.5 → none$/m);
  });

  it('of a cap that is spent already says that the next request is refused', async () => {
    for (const subject of ['acme', 'acme/search']) {
      const low = await world.tally('limits', subject, '--monthly-cap', '0.0001', '--dry-run');
      expect(low.stdout).toMatch(
        new RegExp(`^Already spent in ${world.period}: \\$0\\.00071\\. The next request is refused\\.$`, 'm'),
      );
      const high = await world.tally('limits', subject, '--monthly-cap', '5', '--dry-run');
      expect([high.code, high.stdout]).toEqual([0, expect.not.stringContaining('refused')]);
    }
  });

  it('of a cap that is spent already says nothing where limits refuse no request', async () => {
    const mode = (quota_mode: string) =>
      world.app.call('PATCH /v1/admin/entities/acme/limits', { body: { quota_mode } });
    await mode('shadow');
    for (const subject of ['acme', 'acme/search']) {
      const low = await world.tally('limits', subject, '--monthly-cap', '0.0001', '--dry-run');
      expect([low.code, low.stdout]).toEqual([0, expect.not.stringContaining('refused')]);
    }
    await mode('enforce');
  });

  it('is offered without a terminal only where there is one', async () => {
    const [{ id }] = (await world.app.call('GET /v1/admin/keys')).body.data;
    const rotate = await world.tally('keys', 'rotate', id);
    expect([rotate.code, rotate.stderr]).toEqual([2, expect.stringMatching(/to ask on: add --yes\.$/m)]);
    const buy = await world.tally('credits', 'buy', 'acme', '5', '--reference', 'x');
    expect([buy.code, buy.stderr]).toEqual([2, expect.stringContaining('add --yes, or --dry-run')]);
  });

  it('of a dead letter that names no customer says its code alone', async () => {
    const event = anEventBody({ id: 'of-nobody', subject: '../chat' });
    await world.app.call('POST /v1/usage/events', { body: event });
    const found = async () =>
      (await world.app.call('GET /v1/admin/dead_letters?code=invalid_subject')).body.data;
    await until('it is a dead letter', async () => (await found()).length === 1);
    const [{ id }] = await found();
    const dry = await world.tally('dead-letters', 'replay', id, '--mend-subject', 'acme/chat', '--dry-run');
    expect(dry.stdout).toContain(`the dead letter ${id} (invalid_subject) to the queue again`);
  });
});

describe('a list', () => {
  it('of the inbox says of how many customers usage has no price', async () => {
    const { stdout } = await world.tally('inbox');
    expect(stdout).toMatch(new RegExp(`${UNPRICED} +1 event of 1 customer +tally prices unpriced`));
  });

  it('of keys shows to the minute when a rotated one ends', async () => {
    const made = await world.json('keys', 'create', 'rotated', '--role', 'gateway');
    await world.tally('keys', 'rotate', made.id, '--overlap', '1h', '--yes');
    const { body } = await world.app.call(`GET /v1/admin/keys/${made.id}`);
    const end = new Date(body.expires_at * 1000).toISOString().slice(0, 16).replace('T', ' ');
    expect((await world.tally('keys', 'list')).stdout).toMatch(new RegExp(`^${made.id} .* ${end}$`, 'm'));
  });
});

describe('help', () => {
  it.each([
    ['void', '--entity <entity>', '--reason <text>'],
    ['credits buy', '--reference <text>'],
    ['credits void', '--reason <text>'],
    ['keys create', '--role <role>'],
  ])('of %s marks what is required', async (command, ...required) => {
    const { stdout } = await runTally([...command.split(' '), '--help']);
    const options = stdout.split(/^ {2}(?=-)/m).map((text) => text.replaceAll(/\s+/g, ' '));
    const marked = options.filter((text) => text.includes('(required)'));
    expect(marked.map((text) => required.find((flags) => text.startsWith(flags)))).toEqual(required);
  });

  it('shows the default of a length of time once, as it is typed', async () => {
    for (const group of ['keys', 'webhooks']) {
      const { stdout } = await runTally([group, 'rotate', '--help']);
      expect(stdout.match(/\(default:[^)]*\)/g)?.map((text) => text.replace(/\s+/, ' '))).toEqual([
        '(default: 24h)',
      ]);
    }
  });

  it('of prices publish names every price that can be set', async () => {
    const fields = Object.keys(PriceOrder.shape).filter((field) => /_usd(_per_million)?$/.test(field));
    const own = ['input', 'cached_input', 'output'].map((meter) => `${meter}_usd_per_million`);
    expect([...own, ...SETTABLE].toSorted()).toEqual(fields.toSorted());
    const program = await makeProgram(['prices']);
    const publish = program.commands
      .find((each) => each.name() === 'prices')
      ?.commands.find((each) => each.name() === 'publish');
    expect(publish?.description()).toContain(SETTABLE.join(', '));
  });
});
