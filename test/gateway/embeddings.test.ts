/** Embeddings and the list of models, with the official client. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { aFakeTally, type FakeTally } from '../support/fake-tally.js';
import { aGateway, CHAT_MODEL, EMBEDDINGS_MODEL, type TestGateway } from '../support/gateway.js';

let tally: FakeTally;
let gateway: TestGateway;

beforeEach(async () => {
  tally = await aFakeTally();
  gateway = await aGateway(tally);
});

afterEach(async () => {
  await gateway.close();
  await tally.stop();
});

describe('embeddings', () => {
  it('are the same vectors in base64, which the client asks for, as in floats', async () => {
    const openai = gateway.openai();
    const asked = { model: EMBEDDINGS_MODEL, input: ['one', 'two'] };
    const decoded = await openai.embeddings.create(asked);
    const floats = await openai.embeddings.create({ ...asked, encoding_format: 'float' });
    const encoded = await openai.embeddings.create({ ...asked, encoding_format: 'base64' });

    expect(typeof encoded.data[0]?.embedding).toBe('string');
    expect([...(decoded.data[1]?.embedding ?? [])]).toEqual(floats.data[1]?.embedding);
    expect(floats.data.map(({ index }) => index)).toEqual([0, 1]);
    expect(floats.data[0]?.embedding).toHaveLength(1024);
    expect(Math.hypot(...(floats.data[0]?.embedding ?? []))).toBeCloseTo(1, 5);
    expect(floats.data[0]?.embedding).not.toEqual(floats.data[1]?.embedding);
  });

  it('are charged as the model reported them', async () => {
    const { usage } = await gateway.openai({ project: 'search' }).embeddings.create({
      model: EMBEDDINGS_MODEL,
      input: 'Twelve bytes',
    });
    await tally.until(() => tally.events.length === 1);
    expect(usage).toEqual({ prompt_tokens: 3, total_tokens: 3 });
    expect(tally.reservations[0]).toMatchObject({ input_tokens: 3, max_output_tokens: 0 });
    expect(tally.events[0]).toMatchObject({
      id: expect.stringMatching(/^embd-[0-9a-f]{32}$/),
      subject: 'entity1/search',
      data: {
        operation: 'embeddings',
        usage,
        reservation_id: tally.reservations[0]?.id,
        usage_source: 'reported',
      },
    });
  });

  it.each([
    { input: [5, 6, 7], vectorCount: 1, tokenCount: 3 },
    { input: [[5, 6], [7]], vectorCount: 2, tokenCount: 3 },
  ])('take token ids: $input', async ({ input, vectorCount, tokenCount }) => {
    const answer = await gateway.openai().embeddings.create({ model: EMBEDDINGS_MODEL, input });
    expect(answer.data).toHaveLength(vectorCount);
    expect(answer.usage.prompt_tokens).toBe(tokenCount);
  });
});

describe('the list of models', () => {
  it('names the ten models of the price book', async () => {
    const { data } = await gateway.openai().models.list();
    expect(data).toHaveLength(10);
    expect(data.map(({ id }) => id)).toEqual(expect.arrayContaining([CHAT_MODEL, EMBEDDINGS_MODEL]));
    expect(data[0]).toMatchObject({ object: 'model', owned_by: 'deepseek-ai', created: expect.any(Number) });
    expect(tally.requestCount).toBe(0);
  });
});
