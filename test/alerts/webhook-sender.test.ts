import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WebhookSender } from '../../src/alerts/webhook-sender.js';
import { aReceiver, type Receiver } from '../support/receiver.js';

describe('the sender of webhooks', () => {
  let receiver: Receiver;
  beforeAll(async () => {
    receiver = await aReceiver();
  });
  afterAll(() => receiver.close());

  const message = { headers: { 'content-type': 'application/json' }, body: '{"a":"ü"}' };

  it('posts the body unchanged and returns the status', async () => {
    const sender = new WebhookSender({ allowPrivate: true });
    expect(await sender.post(receiver.url, message)).toBe(204);
    expect(receiver.received[0]).toMatchObject({
      path: '/hook',
      headers: message.headers,
      body: message.body,
    });
  });

  it('follows no redirect', async () => {
    receiver.answer(307, { location: `${receiver.url}/elsewhere` });
    expect(await new WebhookSender({ allowPrivate: true }).post(receiver.url, message)).toBe(307);
    expect(receiver.received.filter(({ path }) => path.endsWith('elsewhere'))).toEqual([]);
  });

  it('connects to no private address, whether it is written out or behind a name', async () => {
    const sender = new WebhookSender({ allowPrivate: false });
    const before = receiver.received.length;
    const { port } = new URL(receiver.url);
    for (const host of ['127.0.0.1', '[::1]', 'localhost', '[::ffff:127.0.0.1]', '0.0.0.0']) {
      await expect(sender.post(`http://${host}:${port}/`, message)).rejects.toThrow('private address');
    }
    // A name that does not look private and resolves to this machine. Without a resolver it is refused as well.
    await expect(sender.post(`http://ip6-localhost:${port}/`, message)).rejects.toThrow(
      /private address|ENOTFOUND|EAI_AGAIN/,
    );
    expect(receiver.received.length).toBe(before);
  });
});
