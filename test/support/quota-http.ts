/** The routes that gateways and admins use, called on all API processes of a service in turn. */
import { expect } from '@jest/globals';
import type { Answer } from './app.js';
import { anEventBody, LLAMA } from './builders.js';

export type Reply = Pick<Answer, 'status' | 'body'>;

export type HttpQuota = {
  call(request: string, body?: unknown): Promise<Reply>;
  reserve(subject: string, order?: object): Promise<Reply>;
  /** Reports what the request used, which Tally must accept. */
  report(subject: string, reservationId: string, tokens: Used): Promise<void>;
};

type Used = { readonly inputTokens: number; readonly outputTokens: number };

export function httpQuota(urls: readonly string[], key: string): HttpQuota {
  let turn = 0;
  const call: HttpQuota['call'] = async (request, body) => {
    const [method = '', path = ''] = request.split(' ');
    turn += 1;
    const response = await fetch(`${urls[turn % urls.length]}${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json() };
  };
  const reserve: HttpQuota['reserve'] = (subject, order) =>
    call('POST /v1/quota/reservations', {
      project: subject,
      model: LLAMA,
      input_tokens: 1_000,
      max_output_tokens: 0,
      ...order,
    });
  const report: HttpQuota['report'] = async (subject, reservationId, { inputTokens, outputTokens }) => {
    const usage = {
      prompt_tokens: inputTokens,
      completion_tokens: outputTokens,
      total_tokens: inputTokens + outputTokens,
    };
    const time = new Date().toISOString();
    const event = anEventBody({ subject, time }, { usage, reservation_id: reservationId });
    const { status, body } = await call('POST /v1/usage/events', event);
    expect([status, body.rejected]).toEqual([202, []]);
  };
  return { call, reserve, report };
}

/** Counts answers by kind: `admitted`, or the denial's limit and whether waiting helps. */
export function kindsOf(replies: readonly Reply[]): Record<string, number> {
  const kinds: Record<string, number> = {};
  for (const { status, body } of replies) {
    const limit = body.error?.details?.limit ?? body.error?.code;
    const retry = body.error?.code === 'rate_limit_exceeded' ? 'retry' : 'final';
    const kind = status === 201 ? 'admitted' : `${limit}: ${retry}`;
    kinds[kind] = (kinds[kind] ?? 0) + 1;
  }
  return kinds;
}

export function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}
