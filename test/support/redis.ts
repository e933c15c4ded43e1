/** A Redis of one's own, which a test may kill and start again; it ends with the test's process at the latest. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedRedis } from '../../src/platform/embedded/embedded-redis.js';
import { withRedis } from './data-dir.js';
import { testServers } from './test-servers.js';

export interface TestRedis {
  url: string;
  port: number;
  /** Ends it in order and deletes its files. */
  stop(): Promise<void>;
  /** As a crash would: at once, without a last word. What it answered for is in its append-only file. */
  kill(): Promise<void>;
  /** Of one that was killed: deletes what it has written down, as if its disk had never got it. */
  wipe(): Promise<void>;
  /** Ends it, if it runs, and starts it on the same port with the same data. */
  restart(): Promise<void>;
}

export async function aRedis(): Promise<TestRedis> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tally-test-redis-'));
  const options = { dataDir, binary: testServers().redis, password: null, log: () => undefined };
  const start = async (on?: { port: number }) => {
    const started = await startEmbeddedRedis({ ...options, ...on });
    // What is written survives every death but the machine's, and a slow disk holds nobody up.
    await withRedis(started.url, (server) => server.config('SET', 'appendfsync', 'no'));
    return started;
  };
  let redis = await start();
  const { url, port } = redis;
  return {
    url,
    port,
    async stop() {
      await redis.end();
      await rm(dataDir, { recursive: true, force: true });
    },
    async kill() {
      process.kill(redis.pid, 'SIGKILL');
      await redis.ended;
    },
    async wipe() {
      await rm(join(dataDir, 'redis', 'appendonlydir'), { recursive: true });
    },
    async restart() {
      await redis.end();
      redis = await start({ port });
    },
  };
}
