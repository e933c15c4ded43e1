/** The demo's processes: the demo notices when one ends, however it ends. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort, start } from '../../packages/gateway/src/demo/service.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'demo-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = async (code: string) => {
  const file = path.join(folder, 'program.mjs');
  writeFileSync(file, code);
  const port = await freePort(0);
  return start({
    name: 'program',
    entry: path.relative(ROOT, file),
    url: `http://127.0.0.1:${port}`,
    ready: '/ready',
    env: { PORT: String(port) },
    logDir: folder,
  });
};

describe('a program of the demo', () => {
  it('that a signal ended counts as stopped, and stopping it again does nothing', async () => {
    const server = `import { createServer } from 'node:http';
      createServer((_, response) => response.end()).listen(Number(process.env.PORT), '127.0.0.1');`;
    const running = await run(server);
    await running.stop();
    await running.stop();
    await expect(fetch(running.url)).rejects.toThrow('fetch failed');
  });

  it.each([
    ['with a code', 'process.exit(3)', 'program ended with code 3'],
    [
      'by a signal',
      `process.kill(process.pid, 'SIGKILL'); setInterval(() => {}, 1000)`,
      'ended with SIGKILL',
    ],
  ])('that ends %s before it answers says so at once, and where its log is', async (_, code, message) => {
    const failed = run(code);
    await expect(failed).rejects.toThrow(message);
    await expect(failed).rejects.toThrow(path.join(folder, 'program.log'));
  });
});
