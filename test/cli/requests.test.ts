/** How requests are sent: retries that the server asks for, one Idempotency-Key, and what is known when a connection is lost. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import { runTally } from '../support/cli.js';

type Answer = { status: number; body?: unknown; headers?: Record<string, string> } | 'broken';

type FakeService = {
  readonly env: Record<string, string>;
  /** Method, path and idempotency key of each request. */
  readonly seen: { method: string; path: string; key: string | undefined }[];
};

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** Answers one after the other; the last one again and again. */
async function aService(...answers: readonly Answer[]): Promise<FakeService> {
  const seen: FakeService['seen'] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const { method = '', url = '', headers } = request;
    seen.push({ method, path: url, key: headers['idempotency-key'] as string | undefined });
    const answer = answers[Math.min(seen.length, answers.length) - 1]!;
    request.resume();
    if (answer === 'broken') {
      request.socket.destroy();
      return;
    }
    response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers });
    response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body ?? {}));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return { seen, env: { TALLY_URL: `http://127.0.0.1:${port}`, TALLY_API_KEY: 'sk-any' } };
}

const error = (code: string, message = code) => ({ error: { message, type: 'x', param: null, code } });
const GRANT = {
  object: 'credit_grant',
  id: 'grant_1',
  amount_usd: '5',
  remaining_usd: '5',
  debt_paid_usd: '0',
};
const BUY = ['credits', 'buy', 'acme', '5', '--reference', 'inv_1', '--yes'];

describe('a request', () => {
  it('that is refused for now is sent again when the server says so, under the same key', async () => {
    const later = { status: 503, body: error('overloaded'), headers: { 'retry-after-ms': '20' } };
    const busy = { status: 429, body: error('rate_limit_exceeded'), headers: { 'retry-after': '0' } };
    const { env, seen } = await aService(later, busy, { status: 201, body: GRANT });
    const { code, stdout, stderr } = await runTally(BUY, { env });
    expect([code, stdout]).toEqual([0, 'grant_1: $5.00 for acme, $5.00 of it to spend.\n']);
    expect(stderr).toBe(
      'The service answered 503: retrying in 1 s\nThe service answered 429: retrying in 0 s\n',
    );
    expect(seen).toHaveLength(3);
    expect(new Set(seen.map(({ key }) => key)).size).toBe(1);
    expect(seen[0]!.key).toMatch(/^tally-cli-[0-9a-f-]{36}$/);
  });

  it('whose first attempt is still at work waits for its answer', async () => {
    const { env, seen } = await aService(
      { status: 409, body: error('idempotency_key_in_use') },
      { status: 201, body: GRANT },
    );
    expect((await runTally(BUY, { env })).code).toBe(0);
    expect(seen).toHaveLength(2);
  });

  it('that is refused for good, or too often, ends with 1 and the reason', async () => {
    const final = {
      status: 429,
      body: error('insufficient_quota', 'no more'),
      headers: { 'x-should-retry': 'false' },
    };
    const once = await aService(final);
    expect(await runTally(BUY, { env: once.env })).toMatchObject({ code: 1, stderr: 'error: no more\n' });
    expect(once.seen).toHaveLength(1);
    const always = await aService({
      status: 503,
      body: error('overloaded', 'too busy'),
      headers: { 'retry-after-ms': '1' },
    });
    const { code, stderr } = await runTally(['queue'], { env: always.env });
    expect([code, stderr]).toEqual([1, expect.stringMatching(/error: too busy\n/)]);
    expect(always.seen).toHaveLength(5);
  });

  it('whose connection breaks is sent again under the same key, and is made once', async () => {
    const { env, seen } = await aService('broken', { status: 201, body: GRANT });
    const { code, stderr } = await runTally(BUY, { env });
    expect([code, stderr]).toEqual([
      0,
      expect.stringMatching(/^The connection broke \(\w+\): retrying in 1 s\n$/),
    ]);
    expect(new Set(seen.map(({ key }) => key)).size).toBe(1);
  });

  it('without any answer says that it may have been made, and how to repeat it safely', async () => {
    const { env, seen } = await aService('broken');
    const { code, stderr } = await runTally(BUY, { env });
    expect(code).toBe(1);
    expect(stderr).toContain('was lost before the answer came');
    expect(stderr).toContain('The change may or may not have been made.');
    expect(stderr).toContain(`run the same command with --idempotency-key ${seen[0]!.key}`);
    const again = await aService({ status: 201, body: GRANT });
    await runTally([...BUY, '--idempotency-key', seen[0]!.key!], { env: again.env });
    expect(again.seen.map(({ key }) => key)).toEqual([seen[0]!.key]);
  });

  it('that reaches nobody says that nothing was changed', async () => {
    const { env } = await aService({ status: 200 });
    await new Promise((resolve) => servers.pop()!.close(resolve));
    const { code, stderr } = await runTally(BUY, { env });
    expect([code, stderr.replace(/:\d+/, '')]).toEqual([
      1,
      'error: http://127.0.0.1 cannot be reached (ECONNREFUSED). Is the service running? TALLY_URL says where.\nNothing was changed.\n',
    ]);
  });

  it('that another program answers says so', async () => {
    const page = await aService({ status: 200, body: '<html>', headers: { 'content-type': 'text/html' } });
    expect(await runTally(['queue'], { env: page.env })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(
        "answers with status 200 and text/html, which is not Tally's API: check TALLY_URL.",
      ),
    });
    const moved = await aService({ status: 301, headers: { location: 'https://elsewhere.example.com/' } });
    expect(await runTally(['queue'], { env: moved.env })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('redirect to https://elsewhere.example.com/: set TALLY_URL'),
    });
    expect(moved.seen).toHaveLength(1);
  });
});
