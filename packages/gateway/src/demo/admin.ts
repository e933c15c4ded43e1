/** The admin calls of the demo, over plain HTTP, as in a script. */
import { setTimeout as delay } from 'node:timers/promises';

export type Usage = {
  readonly project: string;
  readonly model: string;
  readonly requests: number;
  readonly quantities: Readonly<Record<string, number>>;
  readonly cost_usd: string;
  readonly meter_costs_usd: Readonly<Record<string, string>>;
};

type ReconciliationAnswer = {
  readonly object: 'reconciliation';
  readonly ok: boolean;
  readonly checks: readonly { name: string; ok: boolean; left: string; right: string }[];
};

type Job = {
  readonly object: 'job';
  readonly id: string;
  readonly status: 'queued' | 'running' | 'done' | 'failed';
  readonly result: ReconciliationAnswer;
  readonly error: { readonly message: string } | null;
};

const JOB_POLL_MS = 500;

export class Admin {
  constructor(
    private readonly url: string,
    private readonly key: string,
  ) {}

  async get<T>(path: string): Promise<T> {
    return this.call<T>('GET', path);
  }

  /** `idempotencyKey` makes a call that moves money safe to repeat. */
  async send<T>(
    method: 'POST' | 'PUT' | 'PATCH',
    path: string,
    body: object,
    idempotencyKey?: string,
  ): Promise<T> {
    return this.call<T>(method, path, body, idempotencyKey);
  }

  /** The id of the reservation; null where the request is denied. */
  async reserve(request: object): Promise<string | null> {
    const { status, text } = await this.ask('POST', '/v1/quota/reservations', request);
    if (status === 429 || status === 402) return null;
    if (status !== 201) throw new Error(`a reservation was answered with ${status}: ${text}`);
    return (JSON.parse(text) as { id: string }).id;
  }

  async usageOf(entity: string, range: { start: Date; end: Date }): Promise<readonly Usage[]> {
    const seconds = (time: Date): number => Math.floor(time.getTime() / 1000);
    const query = `start_time=${seconds(range.start)}&end_time=${seconds(range.end)}`;
    return (await this.get<{ data: Usage[] }>(`/v1/entities/${entity}/usage?${query}`)).data;
  }

  /** Large books take longer than a request waits: then it is a job, which is asked until it has ended. */
  async reconciliation(): Promise<ReconciliationAnswer> {
    let answer = await this.get<ReconciliationAnswer | Job>('/v1/admin/reconciliation');
    while (answer.object === 'job') {
      if (answer.status === 'failed') throw new Error(`the reconciliation failed: ${answer.error?.message}`);
      if (answer.status === 'done') return answer.result;
      await delay(JOB_POLL_MS);
      answer = await this.get<Job>(`/v1/admin/jobs/${answer.id}`);
    }
    return answer;
  }

  private async call<T>(method: string, path: string, body?: object, idempotencyKey?: string): Promise<T> {
    const { status, text } = await this.ask(method, path, body, idempotencyKey);
    if (status >= 300) throw new Error(`${method} ${path} answered ${status}: ${text}`);
    return JSON.parse(text) as T;
  }

  private async ask(
    method: string,
    path: string,
    body?: object,
    idempotencyKey?: string,
  ): Promise<{ status: number; text: string }> {
    const response = await fetch(this.url + path, {
      method,
      headers: {
        authorization: `Bearer ${this.key}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: response.status, text: await response.text() };
  }
}
