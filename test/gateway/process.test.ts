/** The gateway as a process: started with a wrong environment, and stopped. */
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { OpenAI } from 'openai';
import { aFakeTally, type FakeTally } from '../support/fake-tally.js';
import { startGatewayProcess, urlOf, type GatewayProcess } from '../support/gateway-process.js';
import { all, CHAT_MODEL } from '../support/gateway.js';

let tally: FakeTally;
let gateway: GatewayProcess | null = null;

beforeEach(async () => {
  tally = await aFakeTally();
});

afterEach(async () => {
  gateway?.kill('SIGKILL');
  await tally.stop();
});

function start(env: Record<string, string>): GatewayProcess {
  gateway = startGatewayProcess(tally, env);
  return gateway;
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
    expect(new Set(names)).toEqual(new Set(['TALLY_URL', 'TALLY_API_KEY', 'GATEWAY_MODEL_CAPACITY']));
    expect(names).toHaveLength(3);
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
