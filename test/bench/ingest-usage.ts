/** The usage that the bench of ingest counts: what a gateway reports, of so many customers, and in jobs of a given size. */
import type { Queue } from 'bullmq';
import { USAGE_JOB } from '@tally/client/protocol';
import { reservationIdOf, type EntityName, type ProjectName } from '../../src/domain/ids.js';

const MODELS = ['cw_Qwen_QwQ-32B', 'cw_deepseek-ai_DeepSeek-R1', 'cw_meta-llama_Llama-3.3-70B-Instruct'];
const PROJECTS = 3;
const JOBS_AT_ONCE = 100;

export type Shape = {
  readonly customers: number;
  /** `full` says all that a gateway says of a request, and ends a reservation. */
  readonly fields: 'lean' | 'full';
  readonly meters: 3 | 8;
};

export type Load = Shape & { readonly events: number; readonly eventsPerJob: number };

export const LEAN: Shape = { customers: 20, fields: 'lean', meters: 3 };
export const FULL: Shape = { customers: 20, fields: 'full', meters: 3 };
export const WIDE: Shape = { ...FULL, customers: 1_000 };

export function customerName(index: number): EntityName {
  return `bench-${index}` as EntityName;
}

/** Every customer, project and model together once, so that each is known when it is counted. */
export function everyCombination({ customers, ...shape }: Shape): object[] {
  const stamp = newStamp();
  return Array.from({ length: customers * PROJECTS * MODELS.length }, (_, index) => {
    const [customer, of] = [
      Math.floor(index / (PROJECTS * MODELS.length)),
      index % (PROJECTS * MODELS.length),
    ];
    const place = { customer, project: of % PROJECTS, model: Math.floor(of / PROJECTS) };
    return bodyOf({ id: `${stamp}-${index}`, index, ...place }, shape);
  });
}

/** New events on each call. Customers come at random, and always the same for an index. */
export function usageOf({ customers, ...shape }: Shape, { events }: { events: number }): object[] {
  const stamp = newStamp();
  return Array.from({ length: events }, (_, index) => {
    const mixed = mix(index);
    const place = {
      customer: mixed % customers,
      project: index % PROJECTS,
      model: Math.floor(index / PROJECTS) % MODELS.length,
    };
    return bodyOf({ id: `${stamp}-${index}`, index, ...place }, shape);
  });
}

/** One event of one customer. */
export function oneOf(customer: EntityName): object {
  const id = newStamp();
  const place = { customer: 0, project: 0, model: 0 };
  return { ...bodyOf({ id, index: 0, ...place }, FULL), subject: `${customer}/p0` };
}

export function jobOf(bodies: readonly object[]) {
  return {
    name: USAGE_JOB,
    data: bodies.length === 1 ? bodies[0] : bodies,
    opts: { removeOnComplete: true },
  };
}

export async function fill(queue: Queue, load: Load): Promise<void> {
  const { events, eventsPerJob } = load;
  const chunk = eventsPerJob * JOBS_AT_ONCE;
  for (let made = 0; made < events; made += chunk) {
    const bodies = usageOf(load, { events: Math.min(chunk, events - made) });
    const jobs = [];
    for (let at = 0; at < bodies.length; at += eventsPerJob)
      jobs.push(jobOf(bodies.slice(at, at + eventsPerJob)));
    await queue.addBulk(jobs);
  }
}

type Place = {
  readonly id: string;
  readonly index: number;
  readonly customer: number;
  readonly project: number;
  readonly model: number;
};

function bodyOf({ id, index, ...place }: Place, { fields, meters }: Omit<Shape, 'customers'>): object {
  const [entity, project] = [customerName(place.customer), `p${place.project}` as ProjectName];
  const lean = {
    model: MODELS[place.model],
    operation: 'chat',
    usage: meters === 3 ? usageOfThree(index) : usageOfEight(index),
  };
  return {
    specversion: '1.0',
    id,
    source: '/gateways/bench-1',
    type: 'ai.inference.usage.v1',
    subject: `${entity}/${project}`,
    time: new Date().toISOString(),
    data: fields === 'lean' ? lean : { ...lean, ...whatElse(id, index, { entity, project }) },
  };
}

function whatElse(id: string, index: number, subject: { entity: EntityName; project: ProjectName }): object {
  return {
    service_tier: 'default',
    usage_source: 'reported',
    reservation_id: reservationIdOf(subject, id),
    api_key_id: `key_${subject.entity}_${subject.project}`,
    user_id: `user_${index % 500}`,
    request_id: `req_${id}`,
    tags: { team: `team-${index % 7}`, environment: 'production' },
  };
}

function usageOfThree(index: number): object {
  return {
    prompt_tokens: 800 + (index % 100),
    completion_tokens: 200,
    prompt_tokens_details: { cached_tokens: 512 },
  };
}

function usageOfEight(index: number): object {
  return {
    prompt_tokens: 800 + (index % 100),
    completion_tokens: 200,
    prompt_tokens_details: {
      cached_tokens: 300,
      cache_write_tokens: 100,
      audio_tokens: 100,
      image_tokens: 50,
    },
    completion_tokens_details: { reasoning_tokens: 50, audio_tokens: 20 },
  };
}

let stamps = 0;

/** No two runs share an event's id. */
function newStamp(): string {
  stamps += 1;
  return `${process.pid.toString(36)}-${Date.now().toString(36)}-${stamps}`;
}

function mix(index: number): number {
  let state = Math.imul(index + 1, 0x9e3779b1);
  state = Math.imul(state ^ (state >>> 15), 0x85ebca6b);
  return (state ^ (state >>> 13)) >>> 0;
}
