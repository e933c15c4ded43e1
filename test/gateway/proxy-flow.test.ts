/** How bytes flow through the gateway: at once, and no faster than the caller takes them. */
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { VLLM } from '../support/model-answers.js';
import {
  aProxyWorld,
  CHAT,
  closeWorld,
  onlyEvent,
  open,
  untilCame,
  type ProxyWorld,
} from '../support/proxy.js';

const MIB = 1_048_576;
/** What the kernel may buffer on the two connections, and the gateway's own. */
const AHEAD_BYTES_MAX = 32 * MIB;

let world: ProxyWorld;

beforeEach(async () => {
  world = await aProxyWorld();
});

afterEach(() => closeWorld(world));

describe.each([
  { what: 'with a chunk taken out', isAsked: false },
  { what: 'as it is', isAsked: true },
])('a stream that passes $what', ({ isAsked }) => {
  const body = { ...CHAT, stream: true, ...(isAsked && { stream_options: { include_usage: true } }) };

  it('reaches the caller event by event, its headers first', async () => {
    let next = () => {};
    const told = () => new Promise<void>((resolve) => (next = resolve));
    world.model.answer = async (response) => {
      let goOn = told();
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      for (const event of VLLM.events) {
        await goOn;
        goOn = told();
        response.write(event);
      }
      await goOn;
      response.end();
    };
    // The server sends each event only when the caller has the one before.
    const response = await open(world.gateway, { body });
    for (const [index, event] of VLLM.events.entries()) {
      next();
      if (index === VLLM.usageChunk && !isAsked) await turn();
      else await untilCame(response, event);
    }
    next();
    await once(response, 'end');
    expect((await onlyEvent(world.tally, world.gateway)).data.usage).toEqual(VLLM.usage);
  });

  it('waits for a slow caller in the server, not in the memory of the gateway', async () => {
    const event = Buffer.from(`data: {"choices":[{"delta":{"content":"${'x'.repeat(MIB / 4)}"}}]}\n\n`);
    const count = 800;
    let sentBytes = 0;
    world.model.answer = async (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (let n = 0; n < count; n += 1) {
        sentBytes += event.length;
        if (!response.write(event)) await once(response, 'drain');
      }
      response.end(VLLM.events.slice(4).join(''));
    };
    const response = await open(world.gateway, { body });
    let gotBytes = 0;
    let aheadBytesMax = 0;
    for await (const chunk of response) {
      for (let n = 0; n < 3; n += 1) await turn();
      gotBytes += (chunk as Buffer).length;
      aheadBytesMax = Math.max(aheadBytesMax, sentBytes - gotBytes);
    }
    expect(gotBytes).toBeGreaterThan(count * event.length);
    expect(aheadBytesMax).toBeLessThan(AHEAD_BYTES_MAX);
    expect((await onlyEvent(world.tally, world.gateway)).data.usage).toEqual(VLLM.usage);
  });
});
