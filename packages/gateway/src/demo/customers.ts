/** The customers that the demo seeds before its story: what each of them runs and pays, and what its row shows an admin. */
const DEEPSEEK = 'cw_deepseek-ai_DeepSeek-R1';
const LLAMA = 'cw_meta-llama_Llama-3.3-70B-Instruct';
const MAVERICK = 'cw_meta-llama_Llama-4-Maverick-17B-128E-Instruct-FP8';
const SCOUT = 'cw_meta-llama_Llama-4-Scout-17B-16E-Instruct';
const MISTRAL = 'cw_mistralai_Mistral-Small-3.1-24B-Instruct-2503';
const VISION = 'cw_Qwen_Qwen2.5-VL-7B-Instruct';
const QWQ = 'cw_Qwen_QwQ-32B';
const PHI = 'cw_microsoft_Phi-4-mini-instruct';
const GRANITE = 'cw_ibm-granite_granite-3.3-8b-instruct';
export const EMBEDDINGS = 'cw_BAAI_bge-m3';
/** In no price book: its usage waits for a price. */
export const UNPRICED = 'cw_moonshotai_Kimi-K2-Instruct';

export type Project = {
  readonly name: string;
  /** Of the customer's requests, relative to its other projects. */
  readonly share: number;
  /** Used in turn; a name that stands twice is used twice as often. */
  readonly models: readonly string[];
  /** Prompts and answers are so many times as long as the trace's: conversations are short, documents are not. */
  readonly longer: number;
  /** The share of a prompt that the server's cache has, at most. */
  readonly cached?: number;
};

export type Customer = {
  readonly name: string;
  readonly plan: 'free' | 'pro' | 'enterprise';
  readonly firstDaysAgo: number;
  readonly requestsPerDay: number;
  /** A Saturday's or Sunday's requests, relative to another day's. */
  readonly weekend: number;
  /** Weeks ago in which it used three times as much. */
  readonly busyWeeksAgo?: number;
  readonly projects: readonly Project[];
  /** Credits are bought for its usage and so many days more. 0 buys a little too few; without it nothing is bought. */
  readonly prepaidDays?: number;
  readonly promotionUsd?: string;
  readonly limits?: Readonly<Record<string, string | number | null>>;
  /** Its monthly cap is set a little above what it has spent, or that of this project less than a cent above. */
  readonly nearCap?: true;
  readonly cappedProject?: string;
  /** Requests that it makes now and that are refused. */
  readonly refused?: number;
  /** What its row shows. */
  readonly because: string;
};

/** The oldest day of which every event is still accepted. */
export const SEED_DAYS_BACK = 34;

export const CUSTOMERS: readonly Customer[] = [
  {
    name: 'meridian-health',
    plan: 'enterprise',
    firstDaysAgo: SEED_DAYS_BACK,
    requestsPerDay: 150,
    weekend: 0.3,
    projects: [
      { name: 'record-summaries', share: 6, models: [DEEPSEEK, MAVERICK], longer: 45, cached: 0.4 },
      { name: 'triage-chat', share: 3, models: [LLAMA], longer: 9, cached: 0.6 },
      { name: 'search', share: 3, models: [EMBEDDINGS], longer: 12 },
    ],
    because: 'the largest one; pays by invoice',
  },
  {
    name: 'kestrel-data',
    plan: 'pro',
    firstDaysAgo: SEED_DAYS_BACK,
    requestsPerDay: 95,
    weekend: 0.7,
    projects: [
      { name: 'extraction', share: 5, models: [LLAMA, SCOUT], longer: 36 },
      { name: 'reports', share: 2, models: [DEEPSEEK], longer: 18, cached: 0.3 },
    ],
    limits: { overage: 'allowed' },
    nearCap: true,
    because: 'near its monthly cap',
  },
  {
    name: 'harborview',
    plan: 'pro',
    firstDaysAgo: SEED_DAYS_BACK,
    requestsPerDay: 70,
    weekend: 0.9,
    projects: [
      { name: 'guest-assistant', share: 4, models: [LLAMA], longer: 18, cached: 0.5 },
      { name: 'reviews', share: 1, models: [MISTRAL, PHI], longer: 24 },
    ],
    prepaidDays: 0,
    limits: { overage: 'blocked' },
    refused: 9,
    because: 'out of credits, and refused',
  },
  {
    name: 'cedarline',
    plan: 'pro',
    firstDaysAgo: SEED_DAYS_BACK,
    requestsPerDay: 65,
    weekend: 0.5,
    projects: [
      { name: 'contracts', share: 3, models: [MAVERICK, DEEPSEEK], longer: 30, cached: 0.2 },
      { name: 'mail-drafts', share: 3, models: [LLAMA], longer: 6 },
    ],
    prepaidDays: 4,
    limits: { overage: 'blocked' },
    because: 'its credits end within days',
  },
  {
    name: 'oakbridge',
    plan: 'pro',
    firstDaysAgo: SEED_DAYS_BACK,
    requestsPerDay: 60,
    weekend: 0.4,
    projects: [
      { name: 'code-review', share: 3, models: [QWQ, DEEPSEEK], longer: 21, cached: 0.4 },
      { name: 'nightly-summaries', share: 2, models: [SCOUT], longer: 33 },
    ],
    prepaidDays: 45,
    cappedProject: 'nightly-summaries',
    refused: 6,
    because: 'one project has reached its cap, the others go on',
  },
  {
    name: 'fieldstone',
    plan: 'pro',
    firstDaysAgo: SEED_DAYS_BACK,
    requestsPerDay: 50,
    weekend: 1,
    busyWeeksAgo: 4,
    projects: [
      { name: 'route-planner', share: 3, models: [LLAMA, QWQ], longer: 15 },
      { name: 'delivery-notes', share: 2, models: [VISION], longer: 9 },
    ],
    prepaidDays: 60,
    because: 'much of its usage came late, when its month was over',
  },
  {
    name: 'juniper-labs',
    plan: 'pro',
    firstDaysAgo: SEED_DAYS_BACK,
    requestsPerDay: 55,
    weekend: 0.8,
    projects: [
      { name: 'agents', share: 4, models: [DEEPSEEK, LLAMA], longer: 24, cached: 0.5 },
      { name: 'model-trials', share: 1, models: [UNPRICED, GRANITE, PHI], longer: 18 },
    ],
    prepaidDays: 90,
    because: 'tries a model that has no price yet',
  },
  {
    name: 'redwood-media',
    plan: 'pro',
    firstDaysAgo: SEED_DAYS_BACK,
    requestsPerDay: 60,
    weekend: 1.6,
    projects: [
      { name: 'captions', share: 3, models: [VISION, SCOUT], longer: 18 },
      { name: 'comments', share: 2, models: [GRANITE, MISTRAL], longer: 6 },
    ],
    prepaidDays: 120,
    promotionUsd: '25',
    because: 'busiest at weekends; promotional credits that expire',
  },
  {
    name: 'brightwater',
    plan: 'pro',
    firstDaysAgo: SEED_DAYS_BACK,
    requestsPerDay: 60,
    weekend: 0.6,
    projects: [
      { name: 'help-search', share: 5, models: [EMBEDDINGS], longer: 15 },
      { name: 'help-answers', share: 2, models: [MISTRAL, LLAMA], longer: 21, cached: 0.4 },
    ],
    prepaidDays: 200,
    because: 'most of its requests are embeddings',
  },
  {
    name: 'quarry-street',
    plan: 'pro',
    firstDaysAgo: 24,
    requestsPerDay: 45,
    weekend: 0.5,
    projects: [
      { name: 'valuations', share: 1, models: [MAVERICK, DEEPSEEK, LLAMA], longer: 21, cached: 0.3 },
    ],
    prepaidDays: 30,
    limits: { max_concurrent_requests: 2 },
    refused: 4,
    because: 'too many requests in flight at once',
  },
  {
    name: 'pinecrest',
    plan: 'free',
    firstDaysAgo: 17,
    requestsPerDay: 18,
    weekend: 0.2,
    projects: [{ name: 'homework-help', share: 1, models: [LLAMA, QWQ], longer: 15 }],
    prepaidDays: 10,
    because: 'small and steady',
  },
  {
    name: 'larkspur',
    plan: 'free',
    firstDaysAgo: 8,
    requestsPerDay: 30,
    weekend: 0.8,
    projects: [{ name: 'prototype', share: 1, models: [LLAMA, DEEPSEEK], longer: 12 }],
    promotionUsd: '10',
    because: 'new this month, on promotional credits',
  },
];
