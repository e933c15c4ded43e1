/** The trace of a request through the gateway: the same one for Tally, for the model server, and in the usage event. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { json } from '../support/model-server.js';
import { aProxyWorld, call, closeWorld, onlyEvent, restart, type ProxyWorld } from '../support/proxy.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const TRACEPARENT = `00-${TRACE}-b7ad6b7169203331-01`;
const BEGUN = /^00-([\da-f]{32})-[\da-f]{16}-01$/;

let world: ProxyWorld;

beforeEach(async () => {
  world = await aProxyWorld(json({ usage: { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 } }));
});

afterEach(() => closeWorld(world));

/** What each of them was told in a call with these headers. */
async function told(headers: Record<string, string | string[]>) {
  await call(world.gateway, { headers });
  const traceOf = (of: object = {}) => {
    const { traceparent, tracestate } = of as { traceparent?: unknown; tracestate?: unknown };
    return { traceparent, tracestate };
  };
  const event = await onlyEvent(world.tally, world.gateway);
  const [{ trace_id: logged } = {}] = world.gateway.answered() as { trace_id?: unknown }[];
  return {
    tally: traceOf(world.tally.reservationHeaders[0]),
    server: traceOf(world.model.asked[0]?.headers),
    event: traceOf(event),
    logged,
  };
}

describe('a trace', () => {
  it('of the caller reaches Tally, the model server and the event as it came, with its state', async () => {
    const trace = { traceparent: TRACEPARENT, tracestate: 'vendor=a,other=b' };
    expect(await told(trace)).toEqual({ tally: trace, server: trace, event: trace, logged: TRACE });
  });

  it('that the caller asks not to keep is not kept', async () => {
    const traceparent = `00-${TRACE}-b7ad6b7169203331-00`;
    const { tally, event } = await told({ traceparent });
    expect([tally.traceparent, event.traceparent]).toEqual([traceparent, traceparent]);
  });

  it.each([
    { what: 'is missing', headers: {} },
    { what: 'is malformed', headers: { traceparent: `00-${TRACE}-01`, tracestate: 'a=b' } },
    { what: 'names no trace', headers: { traceparent: `00-${'0'.repeat(32)}-b7ad6b7169203331-01` } },
    { what: 'has a version that is none', headers: { traceparent: TRACEPARENT.replace('00-', 'ff-') } },
    { what: 'stands there twice', headers: { traceparent: [TRACEPARENT, TRACEPARENT] } },
  ] as { what: string; headers: Record<string, string | string[]> }[])(
    'that $what is replaced by one that begins at the gateway, without a state',
    async ({ headers }) => {
      const { tally, server, event, logged } = await told(headers);
      const begun = BEGUN.exec(String(tally.traceparent));
      expect(begun?.[1]).toBe(logged);
      expect(logged).not.toMatch(/^0*$/);
      expect(tally.tracestate).toBeUndefined();
      expect([server, event]).toEqual([tally, tally]);
    },
  );

  it('that begins at the gateway is another one for each request', async () => {
    for (let n = 0; n < 3; n += 1) await call(world.gateway);
    const traces = world.model.asked.map(({ headers }) => String(headers['traceparent']));
    expect(new Set(traces).size).toBe(3);
  });

  it('that begins at the gateway is kept as often as OTEL_TRACES_SAMPLER_ARG says', async () => {
    await restart(world, { OTEL_TRACES_SAMPLER_ARG: '0' });
    expect((await told({})).server.traceparent).toMatch(/^00-[\da-f]{32}-[\da-f]{16}-00$/);
  });

  it('goes to the server with a list of models too, and its state is left out where it is too long to be passed on', async () => {
    const headers = { traceparent: TRACEPARENT, tracestate: 'x='.padEnd(513, 'y') };
    await call(world.gateway, { method: 'GET', path: '/v1/models', headers });
    expect(world.model.asked[0]?.headers['traceparent']).toBe(TRACEPARENT);
    expect(world.model.asked[0]?.headers).not.toHaveProperty('tracestate');
  });
});
