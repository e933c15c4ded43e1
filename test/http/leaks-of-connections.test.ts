import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { anApp, type TestApp } from '../support/app.js';

let app: TestApp;
beforeAll(async () => (app = await anApp()));
afterAll(() => app.close());

/** Everything that comes on a connection until the server ends it. */
function answersTo(bytes: string): Promise<string> {
  const { hostname, port } = new URL(app.url);
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    socket.on('data', (part) => (text += String(part)));
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
  });
}

const statusesIn = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => status);
const chunked = 'host: tally\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n';

describe('a connection', () => {
  it.each([
    ['a path that is no path', `GET /v1/%e0%a4%a/x HTTP/1.1\r\n${chunked}`],
    ['a path that is no path, with an encoding that is none', 'GET /v1/%e0%a4%a/x HTTP/1.1\r\nhost: tally\r\nconnection: close\r\ntransfer-encoding: xchunked\r\n\r\n'], // prettier-ignore
    ['a name that is too long', `GET /v1/admin/entities/${'x'.repeat(2_000)} HTTP/1.1\r\n${chunked}`],
    ['a path of nobody', `GET /nowhere HTTP/1.1\r\n${chunked}`],
    ['no key', `POST /v1/admin/keys HTTP/1.1\r\n${chunked}`],
    ['no key for a gateway', `POST /v1/quota/reservations HTTP/1.1\r\n${chunked}`],
    [
      'two lengths',
      'POST /v1/admin/keys HTTP/1.1\r\nhost: tally\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}{',
    ],
    ['a length and chunks', `POST /v1/admin/keys HTTP/1.1\r\ncontent-length: 4\r\n${chunked}`],
    [
      'chunks that are none',
      `POST /livez HTTP/1.1\r\nhost: tally\r\ntransfer-encoding : chunked\r\n\r\n0\r\n\r\n`,
    ],
    [
      'an unknown expectation',
      'POST /v1/admin/keys HTTP/1.1\r\nhost: tally\r\nexpect: more\r\ncontent-length: 2\r\n\r\n{}',
    ],
    [
      'an unknown expectation, with an encoding that is none',
      'GET /livez HTTP/1.1\r\nhost: tally\r\ntransfer-encoding: identity\r\nexpect: more\r\nconnection: close\r\n\r\n',
    ],
  ])('that brings %s and a body that breaks off gets one answer, in our words', async (_, bytes) => {
    const text = await answersTo(bytes);
    expect(statusesIn(text)).toEqual([expect.stringMatching(/^4/)]);
    expect(text).toMatch(/x-request-id: req_/i);
    expect(text).toContain('"type":"invalid_request_error"');
  });
});
