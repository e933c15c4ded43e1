/** How the example configuration for HAProxy looks at /readyz: an API that is asked while a server says nothing answers after two seconds. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { freePort } from '../../../src/platform/embedded/server-process.js';
import { hasHaproxy, startHaproxy, type Haproxy } from '../../support/haproxy.js';
import { until } from '../../support/until.js';

const CONFIGURATION = new URL('../../../docs/proxies/haproxy.cfg', import.meta.url);
const READY_MS = 2_000;

const isHere = await hasHaproxy();
if (!isHere && process.env['CI'] !== undefined) throw new Error('CI installs HAProxy, and it is not here');

let checks = 0;
let api: Server;
let proxy: Haproxy | null = null;
let url = '';
beforeAll(async () => {
  api = createServer((request, response) => {
    void (request.url === '/readyz' ? sayReady() : Promise.resolve()).then(() => response.end());
  });
  api.listen(0, '127.0.0.1');
  await once(api, 'listening');
  const [port, { port: apiPort }] = [await freePort(), api.address() as AddressInfo];
  url = `http://127.0.0.1:${port}`;
  const configuration = (await readFile(CONFIGURATION, 'utf8'))
    .replace('127.0.0.1:8080', `127.0.0.1:${port}`)
    .replaceAll(/127\.0\.0\.1:300[12]/g, `127.0.0.1:${apiPort}`);
  if (isHere) proxy = await startHaproxy(configuration, `${url}/decide`);
});
afterAll(async () => {
  await proxy?.stop();
  api.close();
  api.closeAllConnections();
  await once(api, 'close');
});

async function sayReady(): Promise<void> {
  await delay(READY_MS);
  checks += 1;
}

it('an API stays in rotation while it takes two seconds to say that it is ready', async () => {
  if (proxy === null) return;
  // Each of the two was asked more often than it takes to be taken out.
  await until('it was asked again and again', () => checks > 6);
  for (let n = 0; n < 4; n += 1) expect((await fetch(`${url}/decide`)).status).toBe(200);
});
