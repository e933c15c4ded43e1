/** Test servers for a program that no test runner starts: `anApp()` works after it. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

/** Returns what stops them. */
export async function startOwnServers(): Promise<() => void> {
  const servers = fork(path.join(import.meta.dirname, 'servers.ts'));
  const [message] = (await once(servers, 'message')) as [{ ready: unknown }];
  process.env['TALLY_TEST_SERVERS'] = JSON.stringify(message.ready);
  return () => servers.disconnect();
}
