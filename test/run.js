/**
 * `npm test`: types, lint, format and every test but the slow ones. `npm test -- prices`: only the tests whose path contains
 * "prices"; any of Jest's options may follow.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '..');
const JEST = 'node_modules/jest/bin/jest.js';
// Stands last: Jest takes every argument after it for another pattern.
const BUT_SLOW = ['--testPathIgnorePatterns', '/test/slow/'];
const CHECKS = ['types', 'lint', 'format'];

const args = process.argv.slice(2);
process.exitCode = (await (args.length === 0 ? everything() : some())) ? 0 : 1;

/** The checks run beside the first tests, which leave a core free now and then. Lint reads the types of what was built. */
async function everything() {
  const build = await run(process.execPath, ['fresh-build.js']);
  if (!build.isGood) return false;
  const checks = CHECKS.map(async (name) => {
    const { isGood, output } = await run('npm', ['run', `check:${name}`, '--silent'], { isQuiet: true });
    if (!isGood) console.error(`${output}\ncheck:${name} failed`);
    return isGood;
  });
  const { isGood: isTested } = await run(process.execPath, [JEST, ...BUT_SLOW]);
  const isChecked = await Promise.all(checks);
  CHECKS.filter((_name, index) => !isChecked[index]).forEach((name) => console.error(`check:${name} failed`));
  return isTested && isChecked.every(Boolean);
}

async function some() {
  const listed = await run(process.execPath, [JEST, ...args, '--listTests', ...BUT_SLOW], { isQuiet: true });
  const files = listed.output.split('\n').filter((line) => line.endsWith('.test.ts'));
  const seen = new Set();
  if (files.some((file) => startsTheBuild(file, seen))) {
    if (!(await run(process.execPath, ['fresh-build.js'])).isGood) return false;
  }
  return (await run(process.execPath, [JEST, ...args, ...BUT_SLOW])).isGood;
}

/**
 * Whether a test, or what it imports from test/, names the built service.
 * @param {string} file
 * @param {Set<string>} seen
 * @returns {boolean}
 */
function startsTheBuild(file, seen) {
  if (seen.has(file) || !file.startsWith(join(ROOT, 'test')) || !existsSync(file)) return false;
  seen.add(file);
  const text = readFileSync(file, 'utf8');
  if (/\bdist\/|'dist'/.test(text)) return true;
  return [...text.matchAll(/'(\.{1,2}\/[^']+)\.js'/g)].some(([, name]) =>
    startsTheBuild(`${resolve(file, '..', name ?? '')}.ts`, seen),
  );
}

/**
 * @param {string} command
 * @param {string[]} commandArgs
 * @returns {Promise<{ isGood: boolean, output: string }>}
 */
function run(command, commandArgs, { isQuiet = false } = {}) {
  return new Promise((done) => {
    const child = spawn(command, commandArgs, { cwd: ROOT, stdio: isQuiet ? 'pipe' : 'inherit' });
    let output = '';
    child.stdout?.on('data', (chunk) => (output += chunk));
    child.stderr?.on('data', (chunk) => (output += chunk));
    child.on('close', (code) => done({ isGood: code === 0, output }));
  });
}
