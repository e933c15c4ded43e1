#!/usr/bin/env node
/** `tally COMMAND`: what `npm run build` left of src/main.ts. */
import { existsSync } from 'node:fs';

const built = new URL('../dist/main.js', import.meta.url);
if (existsSync(built)) {
  await import(built.href);
} else {
  console.error('tally is not built. Run in the directory of the project: npm ci && npm run build');
  process.exitCode = 1;
}
