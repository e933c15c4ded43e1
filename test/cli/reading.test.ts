/** Every command that only looks, against the whole app: a table for people, the API's answer for programs. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { followTally } from '../support/cli.js';
import { aCliWorld, SOURCE, TOO_OLD, UNPRICED, type CliWorld } from '../support/cli-world.js';
import { until } from '../support/until.js';

let world: CliWorld;
beforeAll(async () => {
  world = await aCliWorld();
});
afterAll(() => world?.close());

/** Words of the command, what its table shows, and fields of its JSON. */
type Read = readonly [command: string, shown: readonly (string | RegExp)[], json: object];

const READS: readonly Read[] = [
  [
    'entities',
    ['ENTITY', 'STATE', 'acme', 'globex', '2 customers'],
    { object: 'list', totals: { entities: 2 } },
  ],
  [
    'entities --state out_of_credits',
    [/^globex/m],
    { data: [{ entity: 'globex', state: 'out_of_credits' }] },
  ],
  ['entities --running-out 7d', ['1 customer is out of credits now'], { data: [] }],
  ['entity acme', [/^plan +pro$/m, '$499.99'], { entity: 'acme', balance: { object: 'balance' } }],
  ['plans', ['MONTHLY CAP', 'enterprise', '$700,000.00'], { object: 'list' }],
  ['credits list acme', ['GRANT', 'inv_1', '$499.99'], { data: [{ reference: 'inv_1' }] }],
  [
    'limits acme',
    [/^monthly cap +\$6,000.00 \(of the plan\)$/m],
    { object: 'entity', monthly_cap_usd: '6000' },
  ],
  ['limits acme/search', [/^monthly cap +none$/m], { object: 'project', project: 'search' }],
  ['ledger acme', ['KIND', 'purchase', '$500.00'], { object: 'list', data: [{ kind: 'purchase' }] }],
  ['ledger acme --kind burn', [/no entries/i], { data: [] }],
  ['denials globex', ['DECISION', 'credits', 'in the last seven days'], { data: [{ limit: 'credits' }] }],
  ['holds acme', ['acme holds nothing.'], { object: 'list', data: [] }],
  [
    'usage acme --group-by model --since 2d',
    ['MODEL', UNPRICED, 'without price'.toUpperCase()],
    { object: 'entity_usage', group_by: ['model'] },
  ],
  ['events list acme', ['EVENT', 'chatcmpl-1', 'no price'], { object: 'list' }],
  [
    `events list acme --project search --model ${UNPRICED}`,
    ['unpriced-1', 'no price'],
    { data: [{ project: 'search', model: UNPRICED }] },
  ],
  ['events list acme --project nothing', ['No events.'], { data: [] }],
  [
    'events show chatcmpl-1 --entity acme',
    [/^source +\/gateways\/test$/m, /^cost +\$0.00071$/m],
    { source: SOURCE },
  ],
  ['explain chatcmpl-1 --entity acme', [/^paid by grant_/m], { data: [{ event_id: 'chatcmpl-1' }] }],
  ['prices list', ['MODEL', 'cw_BAAI_bge-m3', '$0.71'], { object: 'list' }],
  ['prices show 1', ['input, per million'], { object: 'price', id: '1' }],
  ['prices unpriced', [UNPRICED, '800 input, 200 output'], { data: [{ model: UNPRICED, events: 1 }] }],
  ['keys list', ['LAST USED', 'first admin key'], { data: [{ role: 'admin' }] }],
  [
    'inbox',
    ['dead letters', 'tally conflicts list', `usage without a price: ${UNPRICED}`],
    { object: 'inbox' },
  ],
  ['queue', ['jobs waiting', 'nothing waits'], { object: 'queue', paused: false }],
  ['reconcile', ['✓', 'The books agree.'], { object: 'reconciliation', ok: true }],
  ['dead-letters list', ['LETTER', 'acme/search', 'bad'], { data: [{ event_id: 'bad' }] }],
  ['conflicts list', ['DIFFERS IN', 'quantities', 'chatcmpl-1'], { data: [{ event_id: 'chatcmpl-1' }] }],
  ['jobs list', [/JOB|No jobs/], { object: 'list' }],
  ['audit acme', ['credits.grant', 'first admin key'], { object: 'list' }],
  ['audit acme --action credits', ['amount'], { data: [{ action: 'credits.grant', entity: 'acme' }] }],
  ['webhooks list', ['https://hooks.example.com/tally', 'works'], { data: [{ object: 'webhook' }] }],
  ['alerts', ['No alerts watch all customers.'], { object: 'list', data: [] }],
  ['alerts acme', ['acme has no alerts.'], { object: 'list', data: [] }],
  ['version', ['0.1.0 at http://127.0.0.1:'], { client: '0.1.0', service: '0.1.0' }],
];

describe('a command that only looks', () => {
  async function expectRead(...[command, shown, json]: Read): Promise<void> {
    const [forPeople, forPrograms] = await Promise.all([
      world.tally(...command.split(' ')),
      world.json(...command.split(' ')),
    ]);
    // Reconciling may take long enough to show how far it is.
    const said = forPeople.stderr.replaceAll(/^reconciliation, \w+, \d+ %\n/gm, '');
    expect([forPeople.code, said]).toEqual([0, '']);
    for (const text of shown) expect(forPeople.stdout).toMatch(text);
    expect(forPeople.stdout).not.toMatch(/undefined|\[object|NaN/);
    expect(forPrograms).toMatchObject(json);
  }

  it.each(READS)('%s shows a table, and with --json what the API answers', expectRead);

  it('shows the statement of a month that is not over as a draft', async () => {
    const { period } = world;
    const shown = ['draft', 'credits bought', '$500.00'];
    await expectRead(`statement acme ${period}`, shown, { object: 'statement', period });
  });

  it('explains a denied request by its decision', async () => {
    const { code, stdout } = await world.tally('explain', world.decision);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^Denied at .* UTC: globex has \$0\.00 of credits, and the request may cost \$0\.000142\./,
    );
    expect(stdout).toMatch(/^request +req_1$/m);
    expect(await world.json('explain', world.decision)).toMatchObject({
      id: world.decision,
      limit: 'credits',
    });
  });

  it('shows a dead letter as it arrived, and both contents of a conflict', async () => {
    const letter = await world.tally('dead-letters', 'show', world.letter);
    expect([letter.code, letter.stdout]).toEqual([0, expect.stringContaining(`"time": "${TOO_OLD}"`)]);
    const conflict = await world.tally('conflicts', 'show', world.conflict);
    expect([conflict.code, conflict.stdout]).toEqual([
      0,
      expect.stringMatching(/^quantities +800 input, 200 output +900 input, 200 output$/m),
    ]);
  });

  it('prints a statement as the page to print', async () => {
    const { code, stdout } = await world.tally('statement', 'acme', world.period, '--html');
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^<!doctype html>/i)]);
  });

  it('inbox --exit-code ends with 1 while something waits, and with 0 without the option', async () => {
    expect((await world.tally('inbox', '--exit-code')).code).toBe(1);
    expect((await world.tally('inbox')).code).toBe(0);
  });

  it('says in one sentence what is not there, with the exit code 1', async () => {
    const gone = await world.tally('entity', 'nobody');
    expect([gone.code, gone.stdout]).toEqual([1, '']);
    expect(gone.stderr).toMatch(/^error: .*nobody/);
    const event = await world.tally('events', 'show', 'x', '--entity', 'acme');
    expect([event.code, event.stderr]).toEqual([1, expect.stringContaining('acme has no counted event x')]);
    const asJson = await world.tally('entity', 'nobody', '--json');
    expect([asJson.code, JSON.parse(asJson.stderr)]).toMatchObject([1, { error: { code: 'not_found' } }]);
  });

  it('follows usage as it is counted, one event a line, until Ctrl-C', async () => {
    const followed = followTally(['events', 'tail', 'acme', '--lines', '1', '--json'], world.env);
    await until('it shows the newest', () => followed.lines.length === 1);
    await world.report('tail-1');
    await until('it shows what came', () => followed.lines.length === 2);
    expect(followed.lines.map((line) => JSON.parse(line).event_id)).toEqual(['unpriced-1', 'tail-1']);
    expect(await followed.stop()).toBe(0);
  });
});
