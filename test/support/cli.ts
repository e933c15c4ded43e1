/** `tally COMMAND` as a process of its own, with and without a terminal. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Answer, TestApp } from './app.js';

const ROOT = join(import.meta.dirname, '../..');
export const TALLY = join(ROOT, 'packages/cli/bin/tally.js');
/** What `npm run build` made, which the program imports: packages/cli/dist. */
export const BUILT = join(ROOT, 'packages/cli/dist/main.js');

const PYTHON = 'python3';
const RUN_MS_MAX = 120_000;

export type Ran = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

export type RunOptions = {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly cwd?: string;
};

/** Nothing of the test's environment but the PATH. */
function environment(env: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', DATA_DIR: '/nonexistent', ...env };
}

export function runTally(args: readonly string[], { env, input, cwd }: RunOptions = {}): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [TALLY, ...args], {
      cwd,
      env: environment(env),
      timeout: RUN_MS_MAX,
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk) => (stdout += String(chunk)));
    child.stderr.on('data', (chunk) => (stderr += String(chunk)));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
    child.stdin.on('error', () => undefined);
    child.stdin.end(input ?? '');
  });
}

/**
 * Opens a terminal of this many columns, types each answer when its question is on the screen, and prints what stood on the screen. Python has the
 * pseudo terminals that Node has not.
 */
const IN_A_TERMINAL = String.raw`
import fcntl, json, os, pty, select, struct, sys, termios, time
columns, answers, command = int(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3:]
pid, fd = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 40, columns, 0, 0))
screen, end = b'', time.monotonic() + 120
searched = 0
while time.monotonic() < end:
    if answers and answers[0][0].encode() in screen[searched:]:
        searched = len(screen)
        os.write(fd, answers.pop(0)[1].encode())
    ready, _, _ = select.select([fd], [], [], 0.2)
    if ready:
        try:
            chunk = os.read(fd, 65536)
        except OSError:
            chunk = b''
        if not chunk:
            break
        screen += chunk
_, status = os.waitpid(pid, 0)
sys.stdout.buffer.write(screen)
sys.exit(os.waitstatus_to_exitcode(status) & 255)
`;

type TerminalOptions = {
  readonly columns?: number;
  /** Each question's text, and what is typed once it is on the screen. */
  readonly answers?: readonly (readonly [question: string, typed: string])[];
  readonly env?: Readonly<Record<string, string>>;
};

/** `tally` in a terminal. */
export function runInTerminal(
  args: readonly string[],
  options: TerminalOptions = {},
): Promise<{ code: number | null; screen: string }> {
  return inTerminal([process.execPath, TALLY, ...args], options);
}

/** What stood on the screen, standard output and standard error together, with `\n` line ends. */
export function inTerminal(
  command: readonly string[],
  { columns = 80, answers = [], env }: TerminalOptions = {},
): Promise<{ code: number | null; screen: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(PYTHON, ['-c', IN_A_TERMINAL, String(columns), JSON.stringify(answers), ...command], {
      env: environment({ TERM: 'xterm-256color', ...env }),
      timeout: RUN_MS_MAX + 10_000,
    });
    let screen = '';
    child.stdout.on('data', (chunk) => (screen += String(chunk)));
    child.stderr.on('data', (chunk) => (screen += String(chunk)));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, screen: screen.replaceAll('\r\n', '\n') }));
  });
}

export type Followed = {
  readonly lines: readonly string[];
  /** Ctrl-C. Resolves with the exit code. */
  stop(): Promise<number | null>;
};

/** A command that runs until Ctrl-C. */
export function followTally(args: readonly string[], env: Readonly<Record<string, string>>): Followed {
  const child = spawn(process.execPath, [TALLY, ...args], { env: environment(env), timeout: RUN_MS_MAX });
  const lines: string[] = [];
  let rest = '';
  child.stdout.on('data', (chunk) => {
    const parts = (rest + String(chunk)).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts);
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return {
    lines,
    stop() {
      child.kill('SIGINT');
      return ended;
    },
  };
}

export type TestCli = {
  /** As an admin of the app. */
  tally(...args: readonly string[]): Promise<Ran>;
  /** The answer as JSON, of a command that succeeds. */
  json(...args: readonly string[]): Promise<Answer['body']>;
  readonly env: Readonly<Record<string, string>>;
};

export function aCli({ url, adminKey }: Pick<TestApp, 'url' | 'adminKey'>): TestCli {
  const env = { TALLY_URL: url, TALLY_API_KEY: adminKey };
  const tally = (...args: readonly string[]) => runTally(args, { env });
  return {
    env,
    tally,
    async json(...args) {
      const { code, stdout, stderr } = await tally(...args, '--json');
      if (code !== 0) throw new Error(`tally ${args.join(' ')} ended with ${code}: ${stderr}`);
      return JSON.parse(stdout) as unknown;
    },
  };
}
