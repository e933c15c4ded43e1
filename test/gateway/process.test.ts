/** The gateway as a process: what it does when it is started wrongly, and when it is told to stop. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { OpenAI } from 'openai';
import { z } from 'zod';
import { aFakeTally, type FakeTally } from '../support/fake-tally.js';
import { all, CHAT_MODEL } from '../support/gateway.js';

const ROOT = join(import.meta.dirname, '../..');
const SCRIPT = ['--import', join(ROOT, 'test/support/typescript.js'), join(ROOT, 'src/gateway/main.ts')];

let tally: FakeTally;
let gateway: ChildProcess | null = null;

beforeEach(async () => {
  tally = await aFakeTally();
});

afterEach(async () => {
  gateway?.kill('SIGKILL');
  await tally.stop();
});

function start(env: Record<string, string>) {
  const child = spawn(process.execPath, SCRIPT, {
    env: {
      PATH: process.env['PATH'],
      GATEWAY_PORT: '0',
      TALLY_URL: tally.url,
      TALLY_API_KEY: tally.apiKey,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  gateway = child;
  return child;
}

const listens = z.object({ msg: z.literal('gateway listens'), url: z.string() });

/** The URL in the log line that says so. */
async function urlOf({ stdout }: ReturnType<typeof start>): Promise<string> {
  let log = '';
  for await (const chunk of stdout.iterator({ destroyOnReturn: false })) {
    log += String(chunk);
    const lines = log.split('\n').slice(0, -1);
    const found = lines
      .map((line) => listens.safeParse(JSON.parse(line)).data)
      .find((line) => line !== undefined);
    if (found !== undefined) return found.url;
  }
  throw new Error(`The gateway did not start: ${log}`);
}

describe('the gateway process', () => {
  it('exits with 1 and one line for each variable that is wrong', async () => {
    const child = start({ TALLY_API_KEY: '', GATEWAY_MODEL_CAPACITY: 'many', TALLY_URL: 'nowhere' });
    const [output, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    expect(code).toBe(1);
    const names = output
      .trim()
      .split('\n')
      .map((line) => line.split(':')[0]);
    expect(names.toSorted()).toEqual(['GATEWAY_MODEL_CAPACITY', 'TALLY_API_KEY', 'TALLY_URL']);
  });

  it('finishes its streams on SIGTERM, delivers their events and exits with 0', async () => {
    const child = start({ GATEWAY_MODEL_DELAY_MS: '500' });
    const openai = new OpenAI({ baseURL: `${await urlOf(child)}/v1`, apiKey: 'some-key-value' });
    const stream = await openai.chat.completions.create({
      model: CHAT_MODEL,
      messages: [{ role: 'user', content: 'Hello' }],
      stream: true,
    });
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    const chunks = await all(stream);
    expect(await exited).toEqual([0, null]);
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop');
    expect(tally.events).toHaveLength(1);
    expect(tally.events[0]?.data.usage_source).toBe('reported');
  });
});
