/** What a gateway and a finance program in TypeScript do with the types that openapi-typescript made of the document. */
import createClient from 'openapi-fetch';
import type { components, paths } from './tally.js';

declare const process: { readonly env: Readonly<Record<string, string | undefined>> };

type Schemas = components['schemas'];

const MODEL = 'cw_meta-llama_Llama-3.3-70B-Instruct';

const client = (key: string | undefined) =>
  createClient<paths>({
    baseUrl: process.env['TALLY_URL'] ?? '',
    headers: { Authorization: `Bearer ${key ?? ''}` },
  });
const gateway = client(process.env['GATEWAY_KEY']);
const finance = client(process.env['FINANCE_KEY']);

const order = (project: string): Schemas['ReservationOrder'] => ({
  project,
  model: MODEL,
  input_tokens: 100,
  max_output_tokens: 10,
});

async function reserve(): Promise<Schemas['Reservation']> {
  const { data, error } = await gateway.POST('/v1/quota/reservations', { body: order('entity1/project1') });
  if (data === undefined) throw new Error(`no reservation: ${error.error.message}`);
  return data;
}

const event = (id: string, tokens: number, more: Record<string, string> = {}): Schemas['UsageEvent'] => ({
  specversion: '1.0',
  id,
  source: '/gateways/typescript',
  type: 'ai.inference.usage.v1',
  subject: 'entity1/project1',
  time: new Date().toISOString(),
  data: {
    model: MODEL,
    usage: { prompt_tokens: tokens, completion_tokens: 10, total_tokens: tokens + 10 },
    ...more,
  },
});

async function reserveAndReport(): Promise<object> {
  const held = await reserve();
  const body = event('typescript-1', 100, { reservation_id: held.id });
  const { data } = await gateway.POST('/v1/usage/events', { body });
  return {
    project: held.project,
    hold_basis: held.hold_basis,
    project_cap_usd: held.remaining.project_cap_usd,
    accepted: data?.accepted,
    rejected: data?.rejected.length,
  };
}

async function reserveAndRelease(): Promise<object> {
  const held = await reserve();
  const release = () =>
    gateway.POST('/v1/quota/reservations/{id}/release', { params: { path: { id: held.id } } });
  const first = await release();
  const again = await release();
  return { status: first.response.status, again: again.response.status, id: first.data?.id === held.id };
}

async function lease(): Promise<object> {
  const body: Schemas['LeaseOrder'] = {
    lease_id: 'lease_TypeScriptTypeScriptTS.entity1',
    sequence: 1,
    project: 'entity1/project1',
    outstanding_usd: '0',
    free_usd: '0',
    wanted_usd: '0.01',
    models: [MODEL],
  };
  const { data } = await gateway.POST('/v1/quota/leases', { body });
  return { reason: data?.reason, granted_usd: data?.granted_usd, priced: data?.prices[0]?.model };
}

async function reportNothing(): Promise<object> {
  const { error, response } = await gateway.POST('/v1/usage/events', { body: event('typescript-2', -1) });
  if (error === undefined || !('rejected' in error)) throw new Error('a count below 0 was taken');
  return { status: response.status, accepted: error.accepted, code: error.rejected[0]?.code };
}

async function denial(): Promise<object> {
  const { error, response } = await gateway.POST('/v1/quota/reservations', {
    body: order('stopped/project1'),
  });
  const denied = error?.error;
  return {
    status: response.status,
    code: denied?.code,
    type: denied?.type,
    param: denied?.param,
    limit: denied?.details?.limit,
    scope: denied?.details?.scope,
    limit_usd: denied?.details?.limit_usd,
    'should retry': response.headers.get('x-should-retry'),
  };
}

async function wrongKey(): Promise<object> {
  const { error, response } = await client('none').POST('/v1/quota/reservations', {
    body: order('entity1/project1'),
  });
  return { status: response.status, code: error?.error.code };
}

async function forecasts(): Promise<object> {
  const read = async (entity: string): Promise<Schemas['Forecast'] | undefined> =>
    (await finance.GET('/v1/entities/{entity}/forecast', { params: { path: { entity } } })).data;
  const [known, unknown] = [await read('entity1'), await read('newcomer')];
  return {
    reason: known?.reason,
    capped: known?.capped,
    'has amount': typeof known?.forecast_usd === 'string',
    'unknown reason': unknown?.reason,
    'unknown amount': unknown?.forecast_usd,
    'unknown capped': unknown?.capped,
  };
}

async function balance(): Promise<object> {
  const path = { entity: 'newcomer' };
  const { data } = await finance.GET('/v1/entities/{entity}/balance', { params: { path } });
  return {
    credits_usd: data?.credits_usd,
    monthly_cap_usd: data?.monthly_cap_usd,
    yearly_cap_usd: data?.yearly_cap_usd,
    forecast_usd: data?.forecast_usd,
    projects: data?.projects.length,
  };
}

async function pages(): Promise<object> {
  const sizes: number[] = [];
  let after: string | null | undefined;
  for (;;) {
    const query = { limit: LIMIT, ...(after ? { after } : {}) };
    const { data } = await finance.GET('/v1/entities/{entity}/events', {
      params: { path: { entity: 'entity1' }, query },
    });
    if (data === undefined) throw new Error('no page');
    sizes.push(data.data.length);
    if (!data.has_more) break;
    after = data.last_id;
  }
  return { first: sizes[0], 'more than one': sizes.length > 1 };
}

const LIMIT = 3;

async function focus(): Promise<object> {
  const read = (period: string) =>
    finance.GET('/v1/exports/focus.csv', {
      params: { query: { period, entity: 'entity1' } },
      parseAs: 'text',
    });
  const refused = await read('2026-13');
  const good = await read(new Date().toISOString().slice(0, 7));
  return {
    refused: refused.response.status,
    code: refused.error?.error.code,
    param: refused.error?.error.param,
    status: good.response.status,
    'is focus': good.data?.includes('BilledCost'),
  };
}

const seen = {
  'reserved and reported': await reserveAndReport(),
  released: await reserveAndRelease(),
  leased: await lease(),
  'refused report': await reportNothing(),
  denial: await denial(),
  'wrong key': await wrongKey(),
  forecasts: await forecasts(),
  balance: await balance(),
  pages: await pages(),
  focus: await focus(),
};
console.log(JSON.stringify(seen));
