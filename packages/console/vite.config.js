/** How the page is built and, with `npm run dev`, served beside a running service. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** `TALLY_URL` names another service than the one on this machine. */
const SERVICE = process.env['TALLY_URL'] ?? 'http://127.0.0.1:3000';

export default defineConfig({
  base: '/dashboard/',
  plugins: [react(), compressed()],
  build: {
    target: 'es2023',
    // Small files written into others as data: would break the security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      // What every page needs in two files, of which the larger changes with its libraries alone; by itself each route would be a file.
      output: {
        codeSplitting: {
          groups: [
            {
              name: 'libraries',
              test: /node_modules\/(react|react-dom|scheduler|openapi-fetch|@tanstack\/(?!.*virtual)[\w-]+)\/|rolldown\/runtime/,
              priority: 1,
            },
            {
              name: 'console',
              test: /src\/(routes|main|frame\/|session\/|api\/|pages\/[^/]+\/(route|load)\.)/,
            },
          ],
        },
      },
    },
  },
  server: {
    proxy: { '^/(v1|docs|admin|openapi.json|dashboard/session)': { target: SERVICE, changeOrigin: false } },
  },
});

/** Brotli at its best takes a second, so it is done here and not when somebody asks. */
function compressed() {
  let directory = '';
  return {
    name: 'compressed',
    apply: 'build',
    configResolved(config) {
      directory = join(config.root, config.build.outDir);
    },
    closeBundle() {
      for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
        if (!/\.(js|css|html|svg)$/.test(name)) continue;
        writeFileSync(join(directory, `${name}.br`), brotliCompressSync(readFileSync(join(directory, name))));
      }
    },
  };
}
