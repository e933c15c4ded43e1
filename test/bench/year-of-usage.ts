/**
 * A year of usage as an inference provider sees it, hour by hour and always the same: a few large customers and a tail of small
 * ones, projects with habits and keys of their own, users of whom some ask all day, weekends, nights, growth. Pure.
 */
import { DAY_MS, HOUR_MS } from '../../src/domain/buckets.js';
import type { EntityName, ProjectName } from '../../src/domain/ids.js';
import type { UsageEvent } from '../../src/domain/usage.js';

export const ENTITIES = 20;
const PROJECTS_PER_ENTITY = 5;
const KEYS_MAX = 8;
const USERS_OF_THE_LARGEST_PROJECT = 800;
const LATE_SHARE = 0.003;
const LATE_MS_MAX = 2 * DAY_MS;

type Habit = { readonly model: string; readonly prompt: number; readonly completion: number };

const HABITS: readonly Habit[] = [
  { model: 'cw_meta-llama_Llama-3.3-70B-Instruct', prompt: 2_400, completion: 420 },
  { model: 'cw_deepseek-ai_DeepSeek-R1', prompt: 3_100, completion: 1_900 },
  { model: 'cw_Qwen_QwQ-32B', prompt: 1_700, completion: 1_400 },
  { model: 'cw_BAAI_bge-m3', prompt: 900, completion: 0 },
  { model: 'cw_mistralai_Mistral-Small-3.1-24B-Instruct-2503', prompt: 1_200, completion: 300 },
  { model: 'cw_meta-llama_Llama-4-Scout-17B-16E-Instruct', prompt: 5_200, completion: 350 },
  { model: 'cw_Qwen_Qwen2.5-VL-7B-Instruct', prompt: 1_500, completion: 180 },
  { model: 'cw_microsoft_Phi-4-mini-instruct', prompt: 800, completion: 220 },
  { model: 'cw_meta-llama_Llama-4-Maverick-17B-128E-Instruct-FP8', prompt: 6_800, completion: 600 },
  { model: 'cw_ibm-granite_granite-3.3-8b-instruct', prompt: 1_000, completion: 260 },
];

type Project = {
  readonly entity: EntityName;
  readonly name: ProjectName;
  readonly weight: number;
  readonly habits: readonly Habit[];
  readonly keys: number;
  readonly users: number;
};

export const entityName = (rank: number): EntityName =>
  `customer-${String(rank + 1).padStart(2, '0')}` as EntityName;

/** Weights fall like 1/rank, as those of customers and of their projects do. */
const PROJECTS: readonly Project[] = Array.from({ length: ENTITIES * PROJECTS_PER_ENTITY }, (_, index) => {
  const [rank, place] = [Math.floor(index / PROJECTS_PER_ENTITY), index % PROJECTS_PER_ENTITY];
  const weight = 1 / ((rank + 1) * (place + 1));
  return {
    entity: entityName(rank),
    name: ['assistant', 'search', 'code-review', 'contracts', 'lab'][place] as ProjectName,
    weight,
    habits: Array.from(
      { length: 2 + (index % 3) },
      (_, habit) => HABITS[(index * 3 + habit) % HABITS.length]!,
    ),
    keys: 2 + Math.round((KEYS_MAX - 2) * weight),
    users: 5 + Math.round(USERS_OF_THE_LARGEST_PROJECT * Math.sqrt(weight)),
  };
});

/** Where a number from 0 to 1 falls among the projects. */
const SHARES = PROJECTS.reduce<number[]>((sums, { weight }) => [...sums, (sums.at(-1) ?? 0) + weight], []);

export type Hour = { readonly start: Date; readonly events: number };

/** So many events, spread over the hours from `start` to `end`: twice as many at the end, fewer at night and at weekends. */
export function hoursOf(of: { start: Date; end: Date; events: number }): Hour[] {
  const hours = Math.floor((of.end.getTime() - of.start.getTime()) / HOUR_MS);
  const weights = Array.from({ length: hours }, (_, index) => {
    const at = new Date(of.start.getTime() + index * HOUR_MS);
    const isWeekend = at.getUTCDay() % 6 === 0;
    const daily = 1 + 0.8 * Math.sin(((at.getUTCHours() - 8) / 24) * 2 * Math.PI);
    return daily * (isWeekend ? 0.5 : 1) * (1 + index / hours);
  });
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let [due, made] = [0, 0];
  return weights.map((weight, index) => {
    due += (weight / total) * of.events;
    const events = Math.round(due) - made;
    made += events;
    return { start: new Date(of.start.getTime() + index * HOUR_MS), events };
  });
}

/** The events that are booked in an hour: most occurred in it, a few up to two days before. */
export function eventsOf({ start, events }: Hour): UsageEvent[] {
  const hour = start.getTime() / HOUR_MS;
  const random = randomFrom(hour);
  return Array.from({ length: events }, (_, index) =>
    anEventOf(start, `${hour.toString(36)}-${index}`, random),
  );
}

function anEventOf(start: Date, id: string, random: () => number): UsageEvent {
  const { entity, name, habits, keys, users } = projectAt(random() * SHARES.at(-1)!);
  const { model, prompt, completion } = habits[Math.floor(random() ** 2 * habits.length)]!;
  // The first users of a project ask most.
  const user = Math.floor(random() ** 2.5 * users);
  const late = random() < LATE_SHARE ? random() * LATE_MS_MAX : 0;
  const inputTokens = Math.round(prompt * (0.2 + 1.6 * random()));
  const cachedInputTokens = random() < 0.4 ? Math.floor(inputTokens * random()) : 0;
  const outputTokens = Math.round(completion * (0.2 + 1.6 * random()));
  return {
    source: '/gateways/eu-1',
    id,
    entity,
    project: name,
    occurredAt: new Date(start.getTime() + Math.floor(random() * HOUR_MS) - Math.floor(late)),
    model,
    operation: model === 'cw_BAAI_bge-m3' ? 'embeddings' : 'chat',
    quantities: {
      input: inputTokens - cachedInputTokens,
      cached_input: cachedInputTokens,
      output: outputTokens,
    },
    serviceTier: 'default',
    region: null,
    attributes: null,
    unread: [],
    rawUsage: null,
    mended: [],
    usageSource: 'reported',
    reservationId: null,
    apiKeyId: `key_${entity}_${name}_${user % keys}`,
    userId: `user_${entity}_${name}_${user}`,
    requestId: `req_${id}`,
    tags: null,
  };
}

function projectAt(share: number): Project {
  let [low, high] = [0, SHARES.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (SHARES[middle]! > share) high = middle;
    else low = middle + 1;
  }
  return PROJECTS[low]!;
}

/** Mulberry32: small, seeded, good enough for a load. */
function randomFrom(seed: number): () => number {
  let state = Math.imul(seed, 0x9e3779b1);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
