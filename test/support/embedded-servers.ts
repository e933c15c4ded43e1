/** A process with embedded servers, for tests that kill it: `embedded-servers.ts DATA_DIR`. It ends in order on a message. */
import { once } from 'node:events';
import { startEmbeddedServers } from '../../src/platform/embedded/embedded-servers.js';

const servers = await startEmbeddedServers({
  dataDir: process.argv[2] ?? '',
  postgres: true,
  redis: true,
  log: () => undefined,
});
process.send?.(servers);
await once(process, 'message');
await servers.stop();
process.disconnect();
