/** Builds where nothing is built, or where a source is newer than the build. `npm start`, the gateway and the demo begin with it. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';

const SOURCES = [
  'package-lock.json',
  'tsconfig.json',
  'nest-cli.json',
  'src',
  'packages/client/tsconfig.json',
  'packages/client/src',
  'packages/gateway/tsconfig.json',
  'packages/gateway/src',
];
/** One output of each part: a build writes all of them. */
const OUTPUTS = ['packages/client/dist/index.js', 'packages/gateway/dist/main.js', 'dist/main.js'];

const isBuilt = OUTPUTS.every((file) => existsSync(file));
// An installation without development dependencies runs what was built elsewhere.
const canBuild = existsSync('node_modules/.bin/nest');

if (!isBuilt && !canBuild) {
  console.error('Nothing is built, and the build tools are not installed. Run: npm ci && npm run build');
  process.exit(1);
}
if (canBuild && (!isBuilt || isStale())) {
  process.exit(spawnSync('npm', ['run', 'build', '--silent'], { stdio: 'inherit' }).status ?? 1);
}

function isStale() {
  const builtMs = Math.min(...OUTPUTS.map((file) => statSync(file).mtimeMs));
  return SOURCES.flatMap(filesIn).some((file) => statSync(file).mtimeMs > builtMs);
}

/** @param {string} source A file or a folder; either may be missing where only the build was shipped. */
function filesIn(source) {
  if (!existsSync(source)) return [];
  if (statSync(source).isFile()) return [source];
  return readdirSync(source, { recursive: true, encoding: 'utf8' }).map((name) => `${source}/${name}`);
}
