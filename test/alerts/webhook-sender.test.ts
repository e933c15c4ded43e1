import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { lookup } from 'node:dns';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WebhookSender } from '../../src/alerts/webhook-sender.js';
import { aReceiver, type Receiver } from '../support/receiver.js';

/** A resolver that answers one after the other. */
function resolving(...answers: readonly string[][]): { lookup: typeof lookup; asked: () => number } {
  let asked = 0;
  const answer = (_name: string, _options: object, done: (error: null, found: object[]) => void): void => {
    const addresses = answers[Math.min(asked, answers.length - 1)] ?? [];
    asked += 1;
    done(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  };
  return { lookup: answer as unknown as typeof lookup, asked: () => asked };
}

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

  it.each([301, 302, 303, 307, 308])('follows no redirect by %d', async (status) => {
    receiver.answer(status, { location: `${receiver.url}/elsewhere` });
    expect(await new WebhookSender({ allowPrivate: true }).post(receiver.url, message)).toBe(status);
    expect(receiver.received.filter(({ path }) => path.endsWith('elsewhere'))).toEqual([]);
  });

  it('connects to no private address, whether it is written out or behind a name', async () => {
    const sender = new WebhookSender({ allowPrivate: false });
    const before = receiver.received.length;
    const { port } = new URL(receiver.url);
    for (const host of ['127.0.0.1', '[::1]', 'localhost', '[::ffff:127.0.0.1]', '0.0.0.0', 'localhost.'])
      await expect(sender.post(`http://${host}:${port}/`, message)).rejects.toThrow('public address');
    // A name that does not look private and resolves to this machine. Without a resolver it is refused as well.
    await expect(sender.post(`http://ip6-localhost:${port}/`, message)).rejects.toThrow(
      /public address|ENOTFOUND|EAI_AGAIN/,
    );
    expect(receiver.received.length).toBe(before);
  });

  it.each([
    ['127.0.0.1'],
    ['1.1.1.1', '127.0.0.1'],
    ['::1'],
    ['::ffff:127.0.0.1'],
    ['64:ff9b::7f00:1'],
    ['fe80::1%lo'],
    [],
  ])('connects to no name that resolves to %j %j', async (...addresses) => {
    const before = receiver.received.length;
    const sender = new WebhookSender({ allowPrivate: false, ...resolving(addresses.filter(Boolean)) });
    const { port } = new URL(receiver.url);
    const posted = sender.post(`http://hooks.example.com:${port}/`, message);
    await expect(posted).rejects.toThrow('public address');
    expect(receiver.received.length).toBe(before);
  });

  it('looks a name up once an attempt, so a name that was public a moment ago is not connected to when it turns private', async () => {
    const resolver = resolving(['127.0.0.1'], ['1.1.1.1']);
    const sender = new WebhookSender({ allowPrivate: false, lookup: resolver.lookup });
    const { port } = new URL(receiver.url);
    expect(sender.problemOf(`http://rebinding.example.com:${port}/`)).toBeNull();
    await expect(sender.post(`http://rebinding.example.com:${port}/`, message)).rejects.toThrow(
      'public address',
    );
    expect(resolver.asked()).toBe(1);
  });

  it.each([0, 21, 22, 25, 53, 110, 143, 445, 465, 587, 993, 1_023])('posts to no port %d', (port) => {
    for (const allowPrivate of [true, false])
      expect(new WebhookSender({ allowPrivate }).problemOf(`https://example.com:${port}/`)).toMatch(
        /^must have no port but 80, 443/,
      );
  });

  it.each([
    'http://example.com',
    'http://example.com:80',
    'https://example.com:443',
    'http://example.com:443',
  ])('may post to %s', (url) => expect(new WebhookSender({ allowPrivate: false }).problemOf(url)).toBeNull());

  it('ends where a receiver switches protocols in place of an answer', async () => {
    const server = createServer();
    server.on('connection', (socket) => {
      socket.on('error', () => {});
      socket.once('data', () => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n');
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const sender = new WebhookSender({ allowPrivate: true });
    await expect(sender.post(`http://127.0.0.1:${port}/`, message)).rejects.toThrow(
      /hang up|without an answer/,
    );
    server.closeAllConnections();
    server.close();
  });
});
