/**
 * `DATA_DIR/service.json` says where a service with embedded servers answers, so that the command line finds it. The file exists while the service
 * runs. A process that was killed leaves it behind; its process number and start time then match no running process.
 */
import { randomBytes } from 'node:crypto';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startOfProcess } from './processes.js';

/** A service that listens on all networks is reached at the loopback address. */
const REACHED: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '[::1]' };

type Service = {
  readonly role: 'api' | 'worker' | 'all';
  /** Null: the embedded server. */
  readonly databaseUrl: string | null;
  readonly redisUrl: string | null;
  readonly dataDir: string;
  readonly host: string;
};

/** Writes the file where a server is embedded and the API is served at `listening`. Returns what removes it. */
export async function tellWhere(service: Service, listening: string): Promise<() => Promise<void>> {
  const { role, databaseUrl, redisUrl, dataDir, host } = service;
  if ((databaseUrl !== null && redisUrl !== null) || role === 'worker') return async () => {};
  const file = join(dataDir, 'service.json');
  const name = REACHED[host] ?? (host.includes(':') ? `[${host}]` : host);
  const content = {
    url: `http://${name}:${new URL(listening).port}`,
    pid: process.pid,
    started: await startOfProcess(process.pid),
  };
  const draft = `${file}.${randomBytes(4).toString('hex')}`;
  await writeFile(draft, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
  await rename(draft, file);
  return () => rm(file, { force: true });
}
