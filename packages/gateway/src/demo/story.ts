/** A customer runs out of credits, gets the 429, an admin buys credits, and the next request passes. */
import OpenAI from 'openai';
import type { Admin } from './admin.js';
import { say } from './screen.js';

const ENTITY = 'entity1';
const PROJECT = 'entity1/project1';
const MODEL = 'cw_meta-llama_Llama-3.3-70B-Instruct';
/** Enough for a few calls of at most 600 output tokens at $0.71 per million. */
const FIRST_CREDITS_USD = '0.0005';
const CALLS_MAX = 50;

type Grants = { data: { id: string; remaining_usd: string }[] };

export async function tellStory(options: {
  admin: Admin;
  gatewayUrl: string;
  callerKey: string;
  run: string;
}): Promise<void> {
  const { admin, run } = options;
  await startPoor(admin, run);
  let httpRequests = 0;
  const openai = new OpenAI({
    apiKey: options.callerKey,
    baseURL: `${options.gatewayUrl}/v1`,
    defaultHeaders: { 'OpenAI-Project': PROJECT },
    fetch: (url, init) => {
      httpRequests += 1;
      return fetch(url, init);
    },
  });
  const ask = () =>
    openai.chat.completions.create({
      model: MODEL,
      max_tokens: 600,
      messages: [{ role: 'user', content: 'Why does a bill have to be explainable?' }],
    });

  say(`${ENTITY} has $${FIRST_CREDITS_USD} of credits and asks ${MODEL}:`);
  const denial = await askUntilDenied(ask);
  const before = httpRequests;
  await ask().catch(() => {});
  say(`  ${denial.message}`);
  say(
    `      code ${denial.code}, x-quota-limit: ${denial.headers?.get('x-quota-limit')}; the client sent ${httpRequests - before} request, no retries`,
  );

  const purchase = { amount_usd: '5', category: 'paid', reference: `demo ${run}` };
  await admin.send('POST', `/v1/admin/entities/${ENTITY}/credits`, purchase, `story-${run}-purchase`);
  say(`  an admin buys $${purchase.amount_usd} of credits`);
  const completion = await ask();
  say(
    `  200 ${JSON.stringify(completion.choices[0]?.message.content?.slice(0, 60))}… ${completion.usage?.total_tokens} tokens`,
  );
}

/** Voids the credits that an earlier run left, so that the story always begins the same way. */
async function startPoor(admin: Admin, run: string): Promise<void> {
  await admin.send('PUT', `/v1/admin/entities/${ENTITY}`, { plan: 'free' });
  const grants = await admin.get<Grants>(`/v1/admin/entities/${ENTITY}/credits`);
  for (const grant of grants.data.filter((one) => one.remaining_usd !== '0')) {
    const path = `/v1/admin/entities/${ENTITY}/credits/${grant.id}/void`;
    await admin.send('POST', path, { reason: 'the demo starts again' }, `story-${run}-${grant.id}`);
  }
  const first = { amount_usd: FIRST_CREDITS_USD, category: 'promotional', note: 'to run out of' };
  await admin.send('POST', `/v1/admin/entities/${ENTITY}/credits`, first, `story-${run}-first`);
}

async function askUntilDenied(
  ask: () => Promise<OpenAI.ChatCompletion>,
): Promise<InstanceType<typeof OpenAI.APIError>> {
  for (let call = 1; call <= CALLS_MAX; call += 1) {
    try {
      const completion = await ask();
      say(`  200 ${completion.usage?.total_tokens} tokens`);
    } catch (error) {
      if (error instanceof OpenAI.APIError && error.code === 'insufficient_quota') return error;
      throw error;
    }
  }
  throw new Error(`${CALLS_MAX} calls were admitted on $${FIRST_CREDITS_USD} of credits`);
}
