/**
 * Blocks of a Markdown page, pasted into a shell as they stand. A block ```` ```sh ```` is pasted; a block ```` ```text ```` that follows it
 * is what it prints. There `<any words>` stands for what varies within a line, and a line `…` for any lines.
 */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { randomBytes } from 'node:crypto';

export type Block = {
  /** What follows the language: `sh serves` is one that does not end. */
  readonly kind: 'sh' | 'sh serves';
  readonly code: string;
  /** Null where the page shows none. */
  readonly printed: string | null;
  readonly line: number;
};

const FENCED = /^```(sh(?: serves)?)\n([\s\S]*?)^```\n(?:\n```text\n([\s\S]*?)^```\n)?/gm;

export function blocksOf(page: string): Block[] {
  return [...page.matchAll(FENCED)].map((match) => ({
    kind: match[1] as Block['kind'],
    code: match[2]!,
    printed: match[3] ?? null,
    line: page.slice(0, match.index).split('\n').length,
  }));
}

/** Whether a page's output is what was printed. */
export function isPrinted(expected: string, printed: string): boolean {
  const lines = expected.trimEnd().split('\n');
  const pattern = lines
    .map((line) => (line === '…' ? '(?:.*\n)*' : `${patternOf(line)}\n`))
    .join('')
    .replace(/\n$/, '\n?');
  return new RegExp(`^${pattern}$`).test(`${printed.trimEnd()}\n`);
}

function patternOf(line: string): string {
  return line
    .split(/<[a-z][a-z ]*>|…/)
    .map((text) => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&'))
    .join('.+');
}

/** One shell for all blocks of a page, so that what one sets the next ones have. */
export class Shell {
  private readonly child: ChildProcessWithoutNullStreams;
  private printed = '';
  private waiting: (() => void) | null = null;

  constructor(options: { cwd: string; env: NodeJS.ProcessEnv }) {
    this.child = spawn('bash', ['--noprofile', '--norc'], { ...options, detached: true });
    this.child.once('exit', () => this.waiting?.());
    for (const stream of [this.child.stdout, this.child.stderr])
      stream.on('data', (chunk: Buffer) => {
        this.printed += String(chunk);
        this.waiting?.();
      });
  }

  /** What the block printed, on both streams, and its exit code. */
  async paste(code: string): Promise<{ printed: string; status: number }> {
    const mark = `end-${randomBytes(8).toString('hex')}`;
    this.printed = '';
    this.child.stdin.write(`${code}\necho "${mark} $?"\n`);
    const end = await this.seen(new RegExp(`${mark} (\\d+)\n`));
    return { printed: this.printed.slice(0, end.index), status: Number(end[1]) };
  }

  /** Pastes what does not end, and waits until it has printed something. */
  async start(code: string, until: RegExp): Promise<string> {
    this.printed = '';
    this.child.stdin.write(code);
    await this.seen(until);
    return this.printed;
  }

  private async seen(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.printed);
      if (found !== null) return found;
      if (this.child.exitCode !== null) throw new Error(`the shell ended: ${this.printed}`);
      await new Promise<void>((resolve) => (this.waiting = resolve));
    }
  }

  /** Ends it and all that it started, as Ctrl-C and the end of its terminal do. */
  async close(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.stdin.end();
    process.kill(-this.child.pid!, 'SIGINT');
    const timer = setTimeout(() => process.kill(-this.child.pid!, 'SIGKILL'), 40_000);
    await ended;
    clearTimeout(timer);
  }
}
