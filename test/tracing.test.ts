/** One trace leads from a gateway's request over the reservation and the report of its usage to the booking. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { USAGE_JOB, USAGE_QUEUE } from '@tally/client/protocol';
import { anApp, type TestApp } from './support/app.js';
import { anEventBody, LLAMA } from './support/builders.js';
import {
  anOtlpReceiver,
  attributesOf,
  type OtlpReceiver,
  type ReceivedSpan,
} from './support/otlp-receiver.js';
import { until } from './support/until.js';

const SECRET_HEADER = 'collector-secret-42';
const PROJECT = 'traced/p';

/** A trace as a gateway's caller begins it; flags 01: it is kept. */
function aTrace(flags = '01') {
  const traceId = randomBytes(16).toString('hex');
  const spanId = randomBytes(8).toString('hex');
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-${flags}` };
}

describe('with a receiver of traces', () => {
  let receiver: OtlpReceiver;
  let app: TestApp;
  beforeAll(async () => {
    receiver = await anOtlpReceiver();
    app = await anApp({
      role: 'all',
      environment: {
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
        OTEL_EXPORTER_OTLP_HEADERS: `api-key=${SECRET_HEADER}`,
        OTEL_SERVICE_NAME: 'billing',
      },
    });
    await app.limit('traced', { monthly_cap_usd: '10', overage: 'allowed' });
  });
  afterAll(async () => {
    await app.close();
    await receiver.close();
  });

  const reserve = (headers: Record<string, string> = {}, order: object = {}) =>
    app.call('POST /v1/quota/reservations', {
      headers,
      body: { project: PROJECT, model: LLAMA, input_tokens: 10, max_output_tokens: 10, ...order },
    });

  async function spansOf(traceId: string, names: readonly string[]): Promise<ReceivedSpan[]> {
    const found = () => receiver.spans().filter((span) => span.traceId === traceId);
    await until(`${names.join(', ')} are received`, () =>
      names.every((name) => found().some((span) => span.name === name)),
    );
    return found();
  }

  it('one trace id spans reservation, intake and booking, and each names the reservation', async () => {
    const { traceId, spanId, traceparent } = aTrace();
    const { body } = await reserve({ traceparent });
    const event = anEventBody({ subject: PROJECT }, { reservation_id: body.id, user_id: 'user-secret-7' });
    await app.call('POST /v1/usage/events', { headers: { traceparent }, body: event });
    const names = ['Quota.reserve', 'UsageEvents.report', 'usage.intake', 'usage.book'];
    const spans = await spansOf(traceId, names);
    expect(spans.map(({ name }) => name).toSorted()).toEqual(names.toSorted());
    expect(spans.map(({ parentSpanId }) => parentSpanId)).toEqual(names.map(() => spanId));
    const [reserved, booked] = ['Quota.reserve', 'usage.book'].map((name) =>
      spans.find((span) => span.name === name)!,
    );
    expect(attributesOf(reserved!)).toEqual({
      'http.request.method': 'POST',
      'http.route': '/v1/quota/reservations',
      'http.response.status_code': 201,
      'tally.reservation_id': body.id,
    });
    expect(attributesOf(booked!)).toEqual({
      'messaging.batch.message_count': 1,
      'tally.reservation_id': body.id,
    });
  });

  it('usage that a gateway puts on the queue itself is booked in the trace that it names', async () => {
    const { traceId, spanId, traceparent } = aTrace();
    const connection = new Redis(app.redis.url, { maxRetriesPerRequest: null });
    const queue = new Queue(USAGE_QUEUE, { connection });
    const untraced = anEventBody({ subject: PROJECT });
    await queue.add(USAGE_JOB, [anEventBody({ subject: PROJECT, traceparent }), untraced], {
      removeOnComplete: true,
    });
    const [booked] = await spansOf(traceId, ['usage.book']);
    expect(booked?.parentSpanId).toBe(spanId);
    await queue.close();
    connection.disconnect();
  });

  it('an event keeps the trace that it names, whatever its request belongs to', async () => {
    const [own, ofRequest] = [aTrace(), aTrace()];
    await app.call('POST /v1/usage/events', {
      headers: { traceparent: ofRequest.traceparent },
      body: [anEventBody({ subject: PROJECT, traceparent: own.traceparent })],
    });
    await spansOf(own.traceId, ['usage.intake', 'usage.book']);
    expect((await spansOf(ofRequest.traceId, ['UsageEvents.report'])).map(({ name }) => name)).toEqual([
      'UsageEvents.report',
    ]);
  });

  it('a denial is a span with its status, and no fault', async () => {
    await app.limit('traced/full', { monthly_cap_usd: '0' });
    const { traceId, traceparent } = aTrace();
    expect((await reserve({ traceparent }, { project: 'traced/full' })).status).toBe(429);
    const [span] = await spansOf(traceId, ['Quota.reserve']);
    expect(attributesOf(span!)['http.response.status_code']).toBe(429);
    expect(span?.status.code ?? 0).toBe(0);
  });

  it('begins a trace where there is none, or none that is one, and keeps nothing of a trace that its caller drops', async () => {
    const dropped = aTrace('00');
    await reserve({ traceparent: dropped.traceparent });
    const odd = await reserve({ traceparent: `00-${'0'.repeat(32)}-zz-01` });
    const begun = () =>
      receiver.spans().find((span) => attributesOf(span)['tally.reservation_id'] === odd.body.id);
    await until('the odd one is received', () => begun() !== undefined);
    expect(begun()?.parentSpanId || undefined).toBeUndefined();
    expect(receiver.spans().filter(({ traceId }) => traceId === dropped.traceId)).toEqual([]);
  });

  it('sends with the headers that the receiver asks for, as the service that is named, and no key, body or user', async () => {
    expect(receiver.requests.every(({ headers }) => headers['api-key'] === SECRET_HEADER)).toBe(true);
    const sent = receiver.requests.map(({ body }) => body).join('');
    expect(sent).toContain('"billing"');
    for (const secret of [app.adminKey, SECRET_HEADER, 'user-secret-7', 'prompt_tokens'])
      expect(sent).not.toContain(secret);
  });
});

describe('while the receiver of traces is down', () => {
  it('requests are answered and usage is booked as ever', async () => {
    const gone = await anOtlpReceiver();
    await gone.close();
    const app = await anApp({ role: 'all', environment: { OTEL_EXPORTER_OTLP_ENDPOINT: gone.url } });
    await app.limit('traced', { monthly_cap_usd: '10', overage: 'allowed' });
    const { traceparent } = aTrace();
    await app.call('POST /v1/usage/events', { body: anEventBody({ subject: PROJECT, traceparent }) });
    await until(
      'it is booked',
      async () => (await app.call('GET /v1/entities/traced/usage')).body.data.length === 1,
    );
    await app.close();
  });
});
