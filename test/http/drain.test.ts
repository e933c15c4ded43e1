import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { watchConnections } from '../../src/http/connections.js';
import { anApp, type TestApp } from '../support/app.js';

describe('an app that closes', () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await anApp();
  });

  it('does not wait for a connection that was opened ahead of a request which never came', async () => {
    const socket = connect(Number(new URL(app.url).port), '127.0.0.1');
    await once(socket, 'connect');
    // The server has seen the connection once it has answered a later one.
    await fetch(`${app.url}/livez`);
    const ended = once(socket, 'close');
    const closed = app.close();
    await ended;
    await closed;
    expect(socket.destroyed).toBe(true);
  }, 20_000);
});

const connectionsOf = (server: Server) => promisify(server.getConnections.bind(server))();

describe('a server that drains', () => {
  it('closes a connection after an answer that was begun before, although its head says that it stays open', async () => {
    let end: () => void = () => {};
    const server = createServer((_, response) => {
      response.write('begun');
      end = () => response.end();
    });
    server.keepAliveTimeout = 60_000;
    const connections = watchConnections(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const socket = connect(port, '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nhost: tally\r\n\r\n'));
    const [head] = await once(socket, 'data');
    expect(String(head)).toContain('Connection: keep-alive');
    connections.drain();
    server.close();
    end();
    await once(server, 'close');
    expect(await connectionsOf(server)).toBe(0);
    socket.destroy();
  }, 20_000);

  it('takes no connection more', async () => {
    const server = createServer();
    const connections = watchConnections(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    connections.drain();
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'close');
    expect(await connectionsOf(server)).toBe(0);
    server.close();
    await once(server, 'close');
  }, 20_000);
});
