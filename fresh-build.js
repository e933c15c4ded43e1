/**
 * Builds where nothing is built, or where a source is newer than the build. Otherwise generates Prisma's client where the schema is newer
 * than the client. `npm start`, `npm test`, the gateway, the demo and the command line begin with it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';

const SCHEMA = 'prisma/schema.prisma';
const CLIENT = 'src/platform/prisma/client.ts';
const SOURCES = [
  'package-lock.json',
  'tsconfig.json',
  'nest-cli.json',
  SCHEMA,
  'src',
  'packages/client/tsconfig.json',
  'packages/client/src',
  'packages/gateway/tsconfig.json',
  'packages/gateway/src',
  'packages/cli/tsconfig.json',
  'packages/cli/generate.js',
  'packages/cli/src',
  'packages/console/index.html',
  'packages/console/vite.config.js',
  'packages/console/generate.js',
  'packages/console/public',
  'packages/console/src',
  'docs/openapi',
];
/** What a build writes among the sources. It is newer than the parts that are built before it. */
const GENERATED = ['src/platform/prisma/', 'packages/cli/src/generated/'];
/** One output of each part: a build writes all of them. */
const OUTPUTS = [
  'packages/client/dist/index.js',
  'packages/gateway/dist/main.js',
  'packages/cli/dist/main.js',
  'packages/console/dist/index.html',
  'dist/main.js',
];

const isBuilt = OUTPUTS.every((file) => existsSync(file));
// An installation without development dependencies runs what was built elsewhere.
const canBuild = existsSync('node_modules/.bin/nest');

if (!isBuilt && !canBuild) {
  console.error('Nothing is built, and the build tools are not installed. Run: npm ci && npm run build');
  process.exit(1);
}
// A build generates the client too.
if (canBuild && (!isBuilt || isStale())) run('npm', ['run', 'build', '--silent']);
else if (canBuild && isClientStale()) run('npx', ['prisma', 'generate']);

/** `npm ci` generates the client, but a pull that brings a new schema does not. */
function isClientStale() {
  if (!existsSync(SCHEMA)) return false;
  return !existsSync(CLIENT) || statSync(SCHEMA).mtimeMs > statSync(CLIENT).mtimeMs;
}

function isStale() {
  const builtMs = Math.min(...OUTPUTS.map((file) => statSync(file).mtimeMs));
  const isSource = (/** @type {string} */ file) => !GENERATED.some((folder) => `${file}/`.startsWith(folder));
  return SOURCES.flatMap(filesIn).some((file) => isSource(file) && statSync(file).mtimeMs > builtMs);
}

/** @param {string} source A file or a folder; either may be missing where only the build was shipped. */
function filesIn(source) {
  if (!existsSync(source)) return [];
  if (statSync(source).isFile()) return [source];
  return readdirSync(source, { recursive: true, encoding: 'utf8' }).map((name) => `${source}/${name}`);
}

/**
 * Ends this process where the command fails.
 * @param {string} command
 * @param {string[]} args
 */
function run(command, args) {
  const { status } = spawnSync(command, args, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
