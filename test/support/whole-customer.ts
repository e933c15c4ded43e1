/** A customer who has one of everything that a customer can have, each of it marked, so that it is known wherever it turns up. */
import { anEventBody, LLAMA } from './builders.js';
import type { Answer, TestApp } from './app.js';
import { until } from './until.js';

export type Secrets = { readonly gateway: string; readonly finance: string; readonly owner: string };

export type WholeCustomer = {
  readonly entity: string;
  /** In every text that the customer or an admin could choose for it. */
  readonly marker: string;
  /** Amounts of its own, as answers write them. */
  readonly amounts: readonly string[];
  readonly project: string;
  readonly keys: Secrets;
  /** Of what it has, by kind; nobody uses the key among them. */
  readonly ids: Readonly<Record<IdKind, string>>;
};

export type IdKind =
  | 'grant'
  | 'key'
  | 'hook'
  | 'delivery'
  | 'alert'
  | 'spendAlert'
  | 'projectAlert'
  | 'reservation'
  | 'lease'
  | 'decision'
  | 'price'
  | 'entry'
  | 'deadLetter'
  | 'conflict'
  | 'correction';

type World = {
  readonly app: Pick<TestApp, 'call'>;
  /** As ISO text. */
  readonly now: string;
  /** Mail alerts to somebody, where the service can. */
  readonly mails: boolean;
};

/** `digits` make its amounts its own: four of them. The worker must run: it resolves when its usage is counted. */
export async function aWholeCustomer(
  world: World,
  of: { entity: string; marker: string; digits: string },
): Promise<WholeCustomer> {
  const { entity, marker } = of;
  const project = `${marker}-project`;
  const ask = (request: string, body?: unknown, key?: string): Promise<Answer> =>
    done(world.app, request, { body, key });
  await ask(`PUT /v1/admin/entities/${entity}`, { plan: 'pro' });
  const keys = await keysOf(ask, of);
  const money = await moneyOf(ask, { ...of, project });
  const alerts = await alertsOf(ask, { ...of, project, keys, mails: world.mails });
  const decisions = await decisionsOf(ask, { ...of, project, keys });
  await reportUsage(ask, { ...of, project, now: world.now, key: keys.gateway, id: decisions.reservation });
  const kept = await keptUsage(ask, of);
  const correction = await correctionOf(ask, of);
  const spare = await ask('POST /v1/admin/keys', { name: `${marker}-spare`, role: 'finance', entity });
  const ids = { ...money, ...alerts, ...decisions, ...kept, correction, key: spare.body.id as string };
  return { entity, marker, project, keys, ids, amounts: amountsOf(of.digits) };
}

type Ask = (request: string, body?: unknown, key?: string) => Promise<Answer>;
type Of = { readonly entity: string; readonly marker: string; readonly digits: string };

export function amountsOf(digits: string): string[] {
  return [`${digits}.37`, `${digits}1.73`, `${digits}2.91`];
}

async function done(
  app: World['app'],
  request: string,
  { body, key }: { body?: unknown; key?: string | undefined },
): Promise<Answer> {
  const answer = await app.call(request, {
    ...(body === undefined ? {} : { body }),
    ...(key === undefined ? {} : { key }),
  });
  if (answer.status >= 400 && answer.status !== 429 && answer.status !== 422)
    throw new Error(`${request} answered ${answer.status}: ${answer.text}`);
  return answer;
}

async function keysOf(ask: Ask, { entity, marker }: Of): Promise<Secrets> {
  const make = async (role: string) => {
    const { body } = await ask('POST /v1/admin/keys', { name: `${marker}-${role}`, role, entity });
    return body.secret as string;
  };
  return { gateway: await make('gateway'), finance: await make('finance'), owner: await make('owner') };
}

async function moneyOf(ask: Ask, { entity, marker, digits, project }: Of & { project: string }) {
  const [credits, cap, projectCap] = amountsOf(digits);
  const path = `/v1/admin/entities/${entity}`;
  const { body: grant } = await ask(`POST ${path}/credits`, {
    amount_usd: credits,
    reference: `${marker}-reference`,
    note: `${marker}-note`,
  });
  await ask(`PATCH ${path}/limits`, { monthly_cap_usd: cap });
  await ask(`PUT ${path}/projects/${project}`, { monthly_cap_usd: projectCap });
  const { body: price } = await ask('POST /v1/admin/prices', {
    model: `${marker}-model`,
    entity,
    input_usd_per_million: '1000',
    output_usd_per_million: '2000',
    source: `${marker}-list`,
  });
  const { body: ledger } = await ask(`GET ${path}/ledger`);
  return { grant: grant.id, price: price.id, entry: ledger.data[0].id } as Record<
    'grant' | 'price' | 'entry',
    string
  >;
}

async function alertsOf(
  ask: Ask,
  { marker, project, keys, mails }: Of & { project: string; keys: Secrets; mails: boolean },
) {
  const url = `https://example.com/${marker}-hook`;
  const channel = {
    subject_prefix: `${marker}-prefix`,
    ...(mails && { recipients: [`${marker}@example.com`] }),
  };
  const spend = { threshold_amount: 90_000_000, notification_channel: channel };
  const make = async (path: string, body: object) => (await ask(`POST ${path}`, body, keys.owner)).body.id;
  const at = '/v1/organization';
  const hook = await make('/v1/admin/webhooks', { url });
  return {
    hook,
    delivery: await make(`/v1/admin/webhooks/${hook}/test`, {}),
    alert: await make(`${at}/alerts`, { kind: 'unpriced_usage', notification_channel: channel }),
    spendAlert: await make(`${at}/spend_alerts`, spend),
    projectAlert: await make(`${at}/projects/${project}/spend_alerts`, spend),
  } as Record<'hook' | 'delivery' | 'alert' | 'spendAlert' | 'projectAlert', string>;
}

async function decisionsOf(
  ask: Ask,
  { entity, marker, project, keys }: Of & { project: string; keys: Secrets },
) {
  const order = { project: `${entity}/${project}`, model: LLAMA, max_output_tokens: 10 };
  const held = await ask(
    'POST /v1/quota/reservations',
    { ...order, request_id: `${marker}-request` },
    keys.gateway,
  );
  const lease = `lease_${'L'.repeat(22)}.${entity}`;
  const none = { outstanding_usd: '0', free_usd: '0' };
  await ask(
    'POST /v1/quota/leases',
    { lease_id: lease, sequence: 1, project: order.project, ...none, wanted_usd: '1' },
    keys.gateway,
  );
  const denied = await ask(
    'POST /v1/quota/reservations',
    { ...order, model: `${marker}-model`, input_tokens: 2 ** 31 - 1, max_output_tokens: 2 ** 31 - 1 },
    keys.gateway,
  );
  const decision = denied.headers.get('x-quota-decision') ?? '';
  return { reservation: held.body.id as string, lease, decision };
}

/** One that is counted, one that is corrected, one without a price, one that contradicts the first, and one that cannot be counted. */
async function reportUsage(
  ask: Ask,
  of: Of & { project: string; now: string; key: string; id: string },
): Promise<void> {
  const { entity, marker, project, now, key } = of;
  const event = (id: string, data: object = {}) =>
    anEventBody(
      { id: `${marker}-${id}`, source: `/${marker}-source`, subject: `${entity}/${project}`, time: now },
      {
        user_id: `${marker}-user`,
        api_key_id: `${marker}-caller`,
        request_id: `${marker}-request`,
        tags: { [`${marker}-tag`]: `${marker}-value`, team: `${marker}-team` },
        ...data,
      },
    );
  const usage = (prompt: number) => ({ usage: { prompt_tokens: prompt, completion_tokens: 3 } });
  const events = [
    event('counted', { operation: `${marker}-operation`, reservation_id: of.id }),
    event('voided', usage(500)),
    event('unpriced', { model: `${marker}-unpriced` }),
    event('unread', { usage: { prompt_tokens: 7, completion_tokens: 1, [`${marker}_tokens`]: 9 } }),
    event('bad', { usage: { prompt_tokens: -1, completion_tokens: 1 } }),
  ];
  await ask('POST /v1/usage/events', events, key);
  await ask('POST /v1/usage/events', event('counted', usage(77)), key);
}

async function keptUsage(ask: Ask, { entity }: Of): Promise<Record<'deadLetter' | 'conflict', string>> {
  const first = async (path: string): Promise<string | undefined> =>
    (await ask(`GET ${path}?entity=${entity}`)).body.data[0]?.id;
  const found = { deadLetter: '', conflict: '' };
  await until('the usage is counted', async () => {
    found.deadLetter = (await first('/v1/admin/dead_letters')) ?? '';
    found.conflict = (await first('/v1/admin/usage_conflicts')) ?? '';
    return found.deadLetter !== '' && found.conflict !== '';
  });
  return found;
}

async function correctionOf(ask: Ask, { entity, marker }: Of): Promise<string> {
  const path = `/v1/admin/usage_events/%2F${marker}-source/${marker}-voided/void`;
  const voided = async () =>
    ask(`POST ${path}`, { reason: `${marker}-reason`, entity }).then(
      () => true,
      () => false,
    );
  await until('the event is voided', voided);
  const { body } = await ask(`GET /v1/admin/usage_corrections?entity=${entity}`);
  return body.data[0].id as string;
}
