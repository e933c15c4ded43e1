/** Chat through the gateway with the official client: every answer has a hold, is charged once, and is shaped like OpenAI's. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { aFakeTally, type FakeTally } from '../support/fake-tally.js';
import { aGateway, all, CHAT_MODEL, type TestGateway } from '../support/gateway.js';

const messages = [{ role: 'user' as const, content: 'What does a token cost?' }];

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

describe('a chat completion', () => {
  it('is charged as the model reported it, under the id that the caller got, and ends its hold', async () => {
    const { data: completion, request_id } = await gateway
      .openai()
      .chat.completions.create({ model: CHAT_MODEL, messages, user: 'u_9' })
      .withResponse();
    await tally.until(() => tally.events.length === 1);

    const [reservation] = tally.reservations;
    expect(tally.events[0]).toEqual({
      specversion: '1.0',
      id: completion.id,
      source: '/gateways/test-1',
      type: 'ai.inference.usage.v1',
      subject: 'entity1/default',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/),
      data: {
        model: CHAT_MODEL,
        operation: 'chat',
        usage: completion.usage,
        reservation_id: reservation?.id,
        api_key_id: expect.stringMatching(/^key_[0-9a-f]{12}$/),
        user_id: 'u_9',
        request_id: reservation?.request_id,
        usage_source: 'reported',
      },
    });
    expect(request_id).toBe(reservation?.request_id);
    expect(tally.released).toEqual([]);
  });

  it('is the same for the same prompt, and ends with finish_reason stop', async () => {
    const openai = gateway.openai();
    const [first, second] = await Promise.all([
      openai.chat.completions.create({ model: CHAT_MODEL, messages }),
      openai.chat.completions.create({ model: CHAT_MODEL, messages }),
    ]);
    expect(first.choices[0]?.message.content).toBe(second.choices[0]?.message.content);
    expect(first.choices[0]?.finish_reason).toBe('stop');
    expect(first.id).not.toBe(second.id);
  });

  it('never uses more than was held for it', async () => {
    const openai = gateway.openai();
    const limits = [
      { max_tokens: 5 },
      { max_completion_tokens: 7 },
      { max_tokens: 9, max_completion_tokens: 3 },
    ];
    for (const limit of limits) {
      const { usage, choices } = await openai.chat.completions.create({
        model: CHAT_MODEL,
        messages,
        ...limit,
      });
      const held = tally.reservations.at(-1);
      expect(choices[0]?.finish_reason).toBe('length');
      expect(usage?.completion_tokens).toBe(held?.max_output_tokens);
      expect(usage?.prompt_tokens).toBe(held?.input_tokens);
    }
    expect(tally.reservations.map((held) => held.max_output_tokens)).toEqual([5, 7, 3]);
  });

  it('leaves the size of the hold to Tally when the caller sets no limit', async () => {
    await gateway.openai().chat.completions.create({ model: CHAT_MODEL, messages });
    expect(tally.reservations[0]).not.toHaveProperty('max_output_tokens');
  });

  it('counts longer prompts and images as more tokens', async () => {
    const openai = gateway.openai();
    const short = await openai.chat.completions.create({ model: CHAT_MODEL, messages });
    const text = { type: 'text' as const, text: 'What is this? '.repeat(40) };
    const image = { type: 'image_url' as const, image_url: { url: 'data:image/png;base64,AAAA' } };
    const long = await openai.chat.completions.create({
      model: CHAT_MODEL,
      messages: [{ role: 'user', content: [text, image] }],
    });
    expect(short.usage?.prompt_tokens).toBe(4 + 6);
    expect(long.usage?.prompt_tokens).toBe(4 + 140 + 256);
  });
});

describe('the paying project', () => {
  const cases = [
    { header: 'entity1/search', subject: 'entity1/search' },
    { header: 'search', subject: 'entity1/search' },
    { header: null, subject: 'entity1/default' },
  ];
  it.each(cases)('for OpenAI-Project: $header is $subject', async ({ header, subject }) => {
    await gateway.openai({ project: header }).chat.completions.create({ model: CHAT_MODEL, messages });
    await tally.until(() => tally.events.length === 1);
    expect(tally.reservations[0]?.project).toBe(subject);
    expect(tally.events[0]?.subject).toBe(subject);
  });
});

describe('a stream', () => {
  it('has the content of the plain answer, and is charged even if the caller did not ask for its usage', async () => {
    const openai = gateway.openai();
    const plain = await openai.chat.completions.create({ model: CHAT_MODEL, messages });
    const stream = await openai.chat.completions.create({ model: CHAT_MODEL, messages, stream: true });
    const chunks = await all(stream);
    await tally.until(() => tally.events.length === 2);

    const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');
    expect(text).toBe(plain.choices[0]?.message.content);
    expect(chunks.every((chunk) => chunk.choices.length === 1 && !('usage' in chunk))).toBe(true);
    expect(chunks[0]?.choices[0]?.delta.role).toBe('assistant');
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop');
    expect(tally.events[1]).toMatchObject({
      id: chunks[0]?.id,
      data: { usage: plain.usage, usage_source: 'reported', reservation_id: tally.reservations[1]?.id },
    });
  });

  it('ends with the usage when the caller asks for it', async () => {
    const stream = await gateway.openai().chat.completions.create({
      model: CHAT_MODEL,
      messages,
      stream: true,
      stream_options: { include_usage: true },
      max_completion_tokens: 4,
    });
    const chunks = await all(stream);
    await tally.until(() => tally.events.length === 1);

    const last = chunks.at(-1);
    expect(last?.choices).toEqual([]);
    expect(last?.usage).toEqual(tally.events[0]?.data.usage);
    expect(last?.usage?.completion_tokens).toBe(4);
    expect(chunks.slice(0, -1).every((chunk) => chunk.usage === null)).toBe(true);
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe('length');
  });

  it('works with the official client’s assembled streams', async () => {
    const runner = gateway.openai().chat.completions.stream({ model: CHAT_MODEL, messages });
    const completion = await runner.finalChatCompletion();
    expect(completion.choices[0]?.message.content).toMatch(/^This answer is canned/);
  });
});
