/** How far long work is, on standard error: a bar that is drawn again on a terminal, and a line for each tenth elsewhere, so that logs stay short. */

const BAR_WIDTH = 24;
const REMINDER_MS = 30_000;

type ProgressStream = {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
};

export class Progress {
  private tenth = -1;
  private shownMs = -Infinity;
  private isDrawn = false;
  private note = '';

  constructor(
    private readonly stream: ProgressStream,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** `share` is from 0 to 1. It may fall back, where the work begins again. */
  show(share: number, note: string): void {
    const percent = Math.floor(Math.min(1, Math.max(0, share)) * 100 + 1e-9);
    if (this.stream.isTTY === true) {
      const filled = Math.round((percent * BAR_WIDTH) / 100);
      const bar = '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled);
      const line = `${bar} ${String(percent).padStart(3)} %  ${note}`.slice(
        0,
        (this.stream.columns ?? 80) - 1,
      );
      this.stream.write(`\r\u001B[2K${line}`);
      this.isDrawn = true;
      return;
    }
    const tenth = Math.floor(percent / 10);
    const isDue = this.now() - this.shownMs >= REMINDER_MS;
    if (tenth === this.tenth && note === this.note && !isDue) return;
    this.tenth = tenth;
    this.note = note;
    this.shownMs = this.now();
    this.stream.write(`${note}, ${percent} %\n`);
  }

  /** What follows begins on a line of its own. */
  end(): void {
    if (this.isDrawn) this.stream.write('\r\u001B[2K');
    this.isDrawn = false;
  }
}
