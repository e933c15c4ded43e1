/** The gateway as a process that can be stopped and killed, as `npm run gateway` starts it. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { z } from 'zod';

const MAIN = join(import.meta.dirname, '../../packages/gateway/dist/main.js');

const listens = z.object({ msg: z.literal('gateway listens'), url: z.string() });

export type GatewayProcess = ReturnType<typeof startGatewayProcess>;

export function startGatewayProcess(tally: { url: string; apiKey: string }, env: Record<string, string>) {
  return spawn(process.execPath, [MAIN], {
    env: {
      PATH: process.env['PATH'],
      GATEWAY_PORT: '0',
      TALLY_URL: tally.url,
      TALLY_API_KEY: tally.apiKey,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Resolves with the URL in the log when the gateway listens. */
export async function urlOf({ stdout }: GatewayProcess): Promise<string> {
  let log = '';
  for await (const chunk of stdout.iterator({ destroyOnReturn: false })) {
    log += String(chunk);
    const lines = log.split('\n').slice(0, -1);
    const found = lines
      .map((line) => listens.safeParse(JSON.parse(line)).data)
      .find((line) => line !== undefined);
    if (found !== undefined) return found.url;
  }
  throw new Error(`The gateway did not start: ${log}`);
}
