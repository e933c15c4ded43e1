/** After the last test: ends what servers-up started. */
import { once } from 'node:events';

export default async function serversDown() {
  const servers = globalThis.testServers;
  if (servers === undefined || servers.exitCode !== null) return;
  const ended = once(servers, 'exit');
  servers.ref();
  if (servers.connected) servers.disconnect();
  await ended;
}
