/** Before the first test: one PostgreSQL for the whole run, with a migrated database to clone, and a Redis to start. */
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** @param {{ rootDir: string }} config */
export default async function serversUp({ rootDir }) {
  fixSeed(rootDir);
  const support = join(rootDir, 'test', 'support');
  const servers = fork(join(support, 'servers.ts'), {
    // Ctrl-C is for Jest alone: the servers see it end and end in order.
    detached: true,
    execArgv: ['--import', join(support, 'typescript.js')],
  });
  // What teardown ends; Jest gives both the same global object.
  globalThis.testServers = servers;
  // The tests' processes inherit the environment of this one.
  process.env['TALLY_TEST_SERVERS'] = await readyMessage(servers);
  servers.unref();
  servers.channel?.unref();
}

/** @param {import('node:child_process').ChildProcess} servers */
async function readyMessage(servers) {
  const died = once(servers, 'exit').then(([code]) => {
    throw new Error(`The servers for the tests ended with code ${code}.`);
  });
  const [message] = await Promise.race([once(servers, 'message'), died]);
  if ('ready' in message) return JSON.stringify(message.ready);
  throw new Error(String(message.failed));
}

/**
 * In CI, random tests take their seed from the commit: the same commit gives the same result, the next one tries something else.
 * @param {string} rootDir
 */
function fixSeed(rootDir) {
  if (process.env['CI'] !== undefined) process.env['TALLY_TEST_SEED'] ??= String(seedOfCommit(rootDir));
  const seed = process.env['TALLY_TEST_SEED'];
  if (seed !== undefined) console.log(`Random tests begin with the seed ${seed} (TALLY_TEST_SEED).`);
}

/** @param {string} rootDir */
function seedOfCommit(rootDir) {
  try {
    const hash = execFileSync('git', ['rev-parse', 'HEAD'], { cwd: rootDir, encoding: 'utf8' });
    return Number.parseInt(hash.slice(0, 7), 16);
  } catch {
    // Sources without their history, or no git.
    return 1;
  }
}
