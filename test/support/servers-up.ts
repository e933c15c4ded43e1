/** Before the first test: one PostgreSQL for the whole run, with a migrated database to clone, and a Redis to start. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

declare global {
  // What teardown ends; Jest gives both the same global object, and no other one.
  var testServers: ChildProcess | undefined;
}

export default async function serversUp({ rootDir }: { rootDir: string }): Promise<void> {
  const support = join(rootDir, 'test', 'support');
  const servers = fork(join(support, 'servers.ts'), {
    // Ctrl-C is for Jest alone: the servers see it end and end in order.
    detached: true,
    execArgv: ['--import', join(support, 'typescript.js')],
  });
  globalThis.testServers = servers;
  // The tests' processes inherit the environment of this one.
  process.env['TALLY_TEST_SERVERS'] = await readyMessage(servers);
  servers.unref();
  servers.channel?.unref();
}

async function readyMessage(servers: ChildProcess): Promise<string> {
  const died = once(servers, 'exit').then(([code]) => {
    throw new Error(`The servers for the tests ended with code ${code}.`);
  });
  const [message]: unknown[] = await Promise.race([once(servers, 'message'), died]);
  if (message !== null && typeof message === 'object') {
    if ('ready' in message) return JSON.stringify(message.ready);
    if ('failed' in message) throw new Error(String(message.failed));
  }
  throw new Error('The servers for the tests sent something else than their addresses.');
}
