import { once } from 'node:events';
import { connect } from 'node:net';
import { beforeAll, describe, expect, it } from '@jest/globals';
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
