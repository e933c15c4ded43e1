/** Programs that a test runs, with all that they print in the error where one fails. */
import { type ExecFileException, execFile } from 'node:child_process';

const RUN_MS_MAX = 600_000;
const PRINTED_BYTES_MAX = 256 * 1024 * 1024;
/** What a failed program printed, in the message of the test that it fails. */
const SHOWN_CHARACTERS_MAX = 20_000;

export type RunOptions = {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
};

/** What the program printed to its standard output. Where it fails, the error shows all that it printed. */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await tryProgram(command, args, options);
  if (code === 0) return stdout;
  const printed = `${stdout}\n${stderr}`.trim().slice(-SHOWN_CHARACTERS_MAX);
  throw new Error(`${[command, ...args].join(' ')} ended with ${code}:\n${printed}`);
}

type Ended = { readonly code: number | string; readonly stdout: string; readonly stderr: string };

/** How the program ended, for one whose failure is an answer too. */
export function tryProgram(
  command: string,
  args: readonly string[],
  { cwd = process.cwd(), env = {}, timeoutMs = RUN_MS_MAX }: RunOptions = {},
): Promise<Ended> {
  return new Promise((done) => {
    const options = {
      cwd,
      env: { ...process.env, ...env },
      timeout: timeoutMs,
      maxBuffer: PRINTED_BYTES_MAX,
    };
    execFile(command, [...args], options, (error: ExecFileException | null, stdout, stderr) => {
      const code = error === null ? 0 : (error.code ?? error.signal ?? 'an unknown end');
      done({ code, stdout, stderr });
    });
  });
}
