/** What the generated clients of every language are to see of one and the same service. */
import { expect } from '@jest/globals';
import { until } from '../../support/until.js';
import type { DocumentedService } from './service.js';

const LLAMA = 'cw_meta-llama_Llama-3.3-70B-Instruct';

/** Null where null is answered, errors and denials as they are typed. Each language prints it under the same names. */
const SEEN = {
  'reserved and reported': {
    project: 'entity1/project1',
    hold_basis: 'requested',
    project_cap_usd: null,
    accepted: 1,
    rejected: 0,
  },
  released: { status: 200, again: 200, id: true },
  leased: { reason: null, granted_usd: '0.01', priced: LLAMA },
  'refused report': { status: 422, accepted: 0, code: 'invalid_tokens' },
  denial: {
    status: 429,
    code: 'insufficient_quota',
    type: 'insufficient_quota',
    param: null,
    limit: 'entity_monthly_cap',
    scope: 'stopped',
    limit_usd: '0',
    'should retry': 'false',
  },
  'wrong key': { status: 401, code: 'invalid_api_key' },
  forecasts: {
    reason: null,
    capped: false,
    'has amount': true,
    'unknown reason': 'not_enough_data',
    'unknown amount': null,
    'unknown capped': null,
  },
  balance: {
    credits_usd: '0',
    monthly_cap_usd: '1000',
    yearly_cap_usd: null,
    forecast_usd: null,
    projects: 0,
  },
  pages: { first: 3, 'more than one': true },
  focus: { refused: 400, code: 'invalid_request', param: 'period', status: 200, 'is focus': true },
};

/** A key for a gateway and one for finance, as the clients' programs read them. */
export async function clientEnvironment(tally: DocumentedService): Promise<Record<string, string>> {
  const [gateway, finance] = [await tally.key('gateway'), await tally.key('finance')];
  return { TALLY_URL: tally.url, GATEWAY_KEY: gateway.secret, FINANCE_KEY: finance.secret };
}

/** `printed`: by the client's program. What it reported is counted, and the books agree. */
export async function expectAllSeen(
  tally: DocumentedService,
  { language, printed }: { language: string; printed: string },
): Promise<void> {
  expect(JSON.parse(printed)).toEqual(SEEN);
  const counted = async () => {
    const { body } = await tally.call('GET /v1/entities/entity1/events?limit=100');
    return body.data.some(({ event_id: id }: { event_id: string }) => id === `${language}-1`);
  };
  await until(`what ${language} reported is counted`, counted);
  const { body } = await tally.call('GET /v1/admin/reconciliation');
  expect(body.checks.filter(({ ok }: { ok: boolean }) => !ok)).toEqual([]);
}
