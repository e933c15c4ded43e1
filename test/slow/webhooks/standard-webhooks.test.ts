/** What webhooks are sent, verified by the packages that receivers use, which are installed here. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WebhookDeliveries } from '../../../src/alerts/webhook-deliveries.js';
import { WebhookSender } from '../../../src/alerts/webhook-sender.js';
import { anApp, type TestApp } from '../../support/app.js';
import { aReceiver, type Receiver } from '../../support/receiver.js';
import { TestClock } from '../../support/test-clock.js';

const run = promisify(execFile);
const INSTALL_MS = 180_000;
const NPM_PACKAGE = 'standardwebhooks@1.1.1';
const PYTHON_PACKAGE = 'standardwebhooks==1.1.0';

const NODE_PROGRAM = `
import { readFileSync } from 'node:fs';
import { Webhook } from 'standardwebhooks';
const { secret, body, headers } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
console.log(JSON.stringify(new Webhook(secret).verify(body, headers)));
`;
const PYTHON_PROGRAM = `
import json, sys
from standardwebhooks.webhooks import Webhook
with open(sys.argv[1]) as file: sent = json.load(file)
print(json.dumps(Webhook(sent["secret"]).verify(sent["body"], sent["headers"])))
`;

let directory: string;
let app: TestApp;
let receiver: Receiver;
let deliveries: WebhookDeliveries;
const clock = new TestClock();
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tally-standard-webhooks-'));
  const quiet = ['--no-audit', '--no-fund', '--silent'];
  await run('npm', ['install', ...quiet, '--prefix', directory, NPM_PACKAGE]);
  await run('python3', [
    '-m',
    'pip',
    'install',
    '--quiet',
    '--target',
    join(directory, 'python'),
    PYTHON_PACKAGE,
  ]);
  await writeFile(join(directory, 'verify.mjs'), NODE_PROGRAM);
  await writeFile(join(directory, 'verify.py'), PYTHON_PROGRAM);
  // Receivers refuse what is old, and the packages take minutes to install.
  clock.set(new Date(Math.floor(Date.now() / 1000) * 1000));
  app = await anApp({ clock, environment: { WEBHOOK_ALLOW_PRIVATE: 'true' } });
  receiver = await aReceiver();
  deliveries = new WebhookDeliveries(app.database, clock, new WebhookSender({ allowPrivate: true }));
}, INSTALL_MS);
afterAll(async () => {
  await receiver?.close();
  await app?.close();
  await rm(directory, { recursive: true, force: true });
});

type Sent = { secret: string; body: string; headers: Readonly<Record<string, string>> };

async function verify(by: 'node' | 'python', sent: Sent): Promise<unknown> {
  const file = join(directory, 'sent.json');
  await writeFile(file, JSON.stringify(sent));
  const { stdout } =
    by === 'node'
      ? await run(process.execPath, [join(directory, 'verify.mjs'), file])
      : await run('python3', [join(directory, 'verify.py'), file], {
          env: { PATH: process.env['PATH'], PYTHONPATH: join(directory, 'python') },
        });
  return JSON.parse(stdout);
}

describe.each(['node', 'python'] as const)('the standardwebhooks package of %s', (by) => {
  it('takes what a webhook is sent, by each secret that signs, and nothing that was changed', async () => {
    const { body: hook } = await app.call('POST /v1/admin/webhooks', { body: { url: receiver.url } });
    const { body: rotated } = await app.call(`POST /v1/admin/webhooks/${hook.id}/rotate`, { body: {} });
    await app.call(`POST /v1/admin/webhooks/${hook.id}/test`);
    expect(await deliveries.deliver()).toBe(1);
    const { body, headers } = receiver.received.at(-1)!;
    for (const { secret } of [hook, rotated])
      expect(await verify(by, { secret, body, headers })).toEqual(JSON.parse(body));
    await expect(verify(by, { secret: rotated.secret, body: `${body} `, headers })).rejects.toThrow(
      /No matching signature/i,
    );
    const old = { ...headers, 'webhook-timestamp': String(Number(headers['webhook-timestamp']) - 3_600) };
    await expect(verify(by, { secret: rotated.secret, body, headers: old })).rejects.toThrow(/timestamp/i);
    const { body: other } = await app.call('POST /v1/admin/webhooks', { body: { url: receiver.url } });
    await expect(verify(by, { secret: other.secret, body, headers })).rejects.toThrow(
      /No matching signature/i,
    );
    for (const { id } of [hook, other]) await app.call(`DELETE /v1/admin/webhooks/${id}`);
  });
});
