/** What a person at a terminal sees: questions, a bar, colour, tables that fit. And what a pipe gets in their place. */
import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runInTerminal, runTally } from '../support/cli.js';
import { aCliWorld, type CliWorld } from '../support/cli-world.js';

let world: CliWorld;
beforeAll(async () => {
  world = await aCliWorld();
});
afterAll(() => world?.close());

const creditsOf = async (entity: string) =>
  (await world.app.call(`GET /v1/entities/${entity}/balance`)).body.credits_usd;

type Options = Parameters<typeof runInTerminal>[1];
const atTerminal = (args: string[], { env = {}, ...options }: NonNullable<Options> = {}) =>
  runInTerminal(args, { ...options, env: { ...world.env, ...env } });

const WIDTH = 60;
const COLOUR = '\u001B[1m';

describe('at a terminal', () => {
  it('a change is shown, asked for, and made once it is wanted', async () => {
    const { code, screen } = await atTerminal(['credits', 'buy', 'globex', '10', '--reference', 'a'], {
      answers: [['Go on? [y/N] ', 'y\n']],
    });
    expect(screen).toContain(
      'Sell $10.00 of paid credits to globex, reference a.\nCredits now $0.00, then $10.00.',
    );
    expect([code, screen]).toEqual([0, expect.stringMatching(/grant_\S+: \$10\.00 for globex/)]);
    expect(await creditsOf('globex')).toBe('10');
  });

  it.each([
    ['n', 'n\n'],
    ['nothing', '\n'],
    ['another word', 'sure\n'],
    ['the end of input', '\u0004'],
  ])('%s is no: nothing is changed, and the exit code is 1', async (_, typed) => {
    const before = await creditsOf('globex');
    const { code, screen } = await atTerminal(['credits', 'buy', 'globex', '7', '--reference', 'b'], {
      answers: [['Go on? [y/N] ', typed]],
    });
    expect([code, screen]).toEqual([1, expect.stringContaining('Nothing was changed.')]);
    expect(await creditsOf('globex')).toBe(before);
  });

  it('an amount above $1,000 is typed again', async () => {
    const buy = ['credits', 'buy', 'acme', '1500.5', '--reference', 'large'];
    const wrong = await atTerminal(buy, { answers: [['Type the amount, 1500.5', 'y\n']] });
    expect([wrong.code, wrong.screen]).toEqual([1, expect.stringContaining('Nothing was changed.')]);
    for (const [n, typed] of ['1500.5', '$1500.50'].entries()) {
      const again = [...buy.slice(0, -1), `large-${n}`];
      const right = await atTerminal(again, { answers: [['Type the amount, 1500.5', `${typed}\n`]] });
      expect([right.code, right.screen]).toEqual([0, expect.stringContaining('$1,500.50 for acme')]);
    }
  });

  it.each([
    'entities',
    'denials globex',
    'dead-letters list',
    'keys list',
    'prices list',
    'audit',
    'usage acme',
    'inbox',
    'events list acme',
  ])('no line of %s is wider than 60 columns', async (command) => {
    const { code, screen } = await atTerminal(command.split(' '), { columns: WIDTH, env: { NO_COLOR: '1' } });
    expect(code).toBe(0);
    const lines = screen.split('\n');
    expect(lines.filter((line) => Array.from(line).length > WIDTH)).toEqual([]);
  });

  it('ids and amounts are whole, however narrow it is', async () => {
    const at = async (...args: string[]) => (await atTerminal(args, { columns: 40 })).screen;
    expect(await at('denials', 'globex')).toContain(world.decision);
    expect(await at('conflicts', 'list')).toContain(world.conflict);
    expect(await at('credits', 'list', 'acme')).toMatch(/grant_\w{22}\b[\s\S]*\$\d+\.\d\d/);
  });

  it('colour stands on a terminal alone, and not where NO_COLOR is set or TERM is dumb', async () => {
    expect((await atTerminal(['entities'])).screen).toContain(COLOUR);
    expect((await atTerminal(['entities'], { env: { NO_COLOR: '1' } })).screen).not.toContain(COLOUR);
    expect((await atTerminal(['entities'], { env: { TERM: 'dumb' } })).screen).not.toContain(COLOUR);
    expect((await world.tally('entities')).stdout).not.toContain(COLOUR);
  });
});

/** A service whose job takes three answers: what a real one takes longer for. */
function aSlowService(): Promise<{ url: string; server: Server }> {
  let asked = 0;
  const job = (status: string, progress: number) => ({
    object: 'job',
    id: 'job_1',
    kind: 'reconciliation',
    status,
    progress,
    error: null,
    result: status === 'done' ? { object: 'reconciliation', ok: true, checks: [] } : null,
  });
  const server = createServer((request, response) => {
    const isStart = request.url === '/v1/admin/reconciliation';
    asked = isStart ? 0 : asked + 1;
    const answer = isStart ? job('queued', 0) : asked < 3 ? job('running', asked * 0.4) : job('done', 1);
    response.writeHead(isStart ? 202 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(answer));
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      resolve({ url: `http://127.0.0.1:${port}`, server });
    });
  });
}

describe('long work', () => {
  let slow: { url: string; server: Server };
  beforeAll(async () => {
    slow = await aSlowService();
  });
  afterAll(() => new Promise((resolve) => slow.server.close(resolve)));
  const env = () => ({ TALLY_URL: slow.url, TALLY_API_KEY: 'sk-any' });

  it('shows a bar at a terminal, and takes it away at the end', async () => {
    const { code, screen } = await runInTerminal(['reconcile'], { env: env() });
    expect(code).toBe(0);
    expect(screen).toMatch(/█+░+ {2}40 % {2}reconciliation, running/);
    expect(screen.endsWith('\r\u001B[2KNo checks.\nThe books agree.\n')).toBe(true);
  });

  it('prints lines in a log, and on standard error, so that the answer stays clean', async () => {
    const { code, stdout, stderr } = await runTally(['reconcile', '--json'], { env: env() });
    expect(stderr).toBe(
      'reconciliation, queued, 0 %\nreconciliation, running, 40 %\nreconciliation, running, 80 %\nreconciliation, done, 100 %\n',
    );
    expect([code, JSON.parse(stdout)]).toEqual([0, { object: 'reconciliation', ok: true, checks: [] }]);
  });
});
