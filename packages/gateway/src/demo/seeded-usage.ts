/**
 * Five weeks of usage of a customer, made from the trace: each request has the tokens of a traced one, a few times over. A day's events
 * follow from the customer and the date alone, so another run has the same events with the same ids, and adds only what is newer.
 */
import { usageEvent, type UsageEvent } from '@tally/client';
import { USAGE_EVENT_BACK_MS_MAX } from '@tally/client/protocol';
import type { TracedRequest } from './conversations.js';
import { EMBEDDINGS, type Customer, type Project } from './customers.js';

export const DAY_MS = 86_400_000;
/** An event may wait so long before it is on the queue. */
const UNTIL_QUEUED_MS_MAX = 15 * 60_000;
const SOURCE = '/demo/seed';
const PROMPT_TOKENS_MAX = 120_000;
const ANSWER_TOKENS_MAX = 8_000;
/** Servers keep prompts in blocks of so many tokens. */
const BLOCK_TOKENS = 16;
const USERS = 12;

export function usageOf(
  customer: Customer,
  { trace, now }: { trace: readonly TracedRequest[]; now: Date },
): UsageEvent[] {
  const today = Math.floor(now.getTime() / DAY_MS);
  const events: UsageEvent[] = [];
  for (let daysAgo = customer.firstDaysAgo; daysAgo >= 0; daysAgo -= 1) {
    const day = today - daysAgo;
    events.push(...dayOf(customer, { day, daysAgo, trace }));
  }
  const oldest = now.getTime() - USAGE_EVENT_BACK_MS_MAX + UNTIL_QUEUED_MS_MAX;
  return events.filter(({ time }) => Date.parse(time) <= now.getTime() && Date.parse(time) >= oldest);
}

type Day = { readonly day: number; readonly daysAgo: number; readonly trace: readonly TracedRequest[] };

/** The events of a day have the same beginning whatever their count, which depends on when the demo runs. */
function dayOf(customer: Customer, { day, daysAgo, trace }: Day): UsageEvent[] {
  const random = randomFrom(`${customer.name} ${day}`);
  const count = countOf(customer, { day, daysAgo }, random());
  return Array.from({ length: count }, (_, index) => {
    const project = pick(customer.projects, random());
    const model = project.models[Math.floor(random() * project.models.length)]!;
    const traced = trace[Math.floor(random() * trace.length)]!;
    const time = new Date(day * DAY_MS + Math.floor(officeHours(random) * DAY_MS));
    return usageEvent({
      id: `${customer.name}-${day}-${index}`,
      source: SOURCE,
      project: `${customer.name}/${project.name}`,
      time,
      model,
      operation: model === EMBEDDINGS ? 'embeddings' : 'chat',
      usage: tokensOf({ project, model, traced }, random()),
      apiKeyId: `key_${project.name}`,
      userId: `u_${1 + Math.floor(random() * USERS)}`,
    });
  });
}

function countOf(
  { requestsPerDay, weekend, busyWeeksAgo }: Customer,
  { day, daysAgo }: { day: number; daysAgo: number },
  chance: number,
): number {
  const weekday = new Date(day * DAY_MS).getUTCDay();
  const ofWeekday = weekday === 0 || weekday === 6 ? weekend : 1;
  const ofWeek = Math.floor(daysAgo / 7) === busyWeeksAgo ? 3 : 1;
  return Math.round(requestsPerDay * ofWeekday * ofWeek * (0.85 + 0.3 * chance));
}

function tokensOf(
  of: { project: Project; model: string; traced: TracedRequest },
  cachedChance: number,
): object {
  const { project, model, traced } = of;
  const prompt = Math.min(PROMPT_TOKENS_MAX, traced.promptTokens * project.longer);
  if (model === EMBEDDINGS) return { prompt_tokens: prompt, total_tokens: prompt };
  const completion = Math.min(ANSWER_TOKENS_MAX, traced.completionTokens * project.longer);
  const cached = Math.floor(prompt * (project.cached ?? 0) * cachedChance);
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: cached - (cached % BLOCK_TOKENS) },
  };
}

function pick(projects: readonly Project[], chance: number): Project {
  let left = chance * projects.reduce((sum, { share }) => sum + share, 0);
  return projects.find(({ share }) => (left -= share) < 0) ?? projects[0]!;
}

/** A share of the day, most often in its middle. */
function officeHours(random: () => number): number {
  return (random() + random() + random()) / 3;
}

/** Mulberry32 from a text: the same text gives the same numbers. */
function randomFrom(text: string): () => number {
  let state = 0;
  for (const sign of text) state = (Math.imul(state, 31) + sign.codePointAt(0)!) | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
