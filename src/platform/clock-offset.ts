/** How far Postgres' clock is from this process' monotonic one, learnt from answers that took a while. */

/** No quartz drifts faster, so an old measurement counts for less. */
const DRIFT = 0.000_1;

/** `sentMs` and `receivedMs` are monotonic; Postgres said `serverMs` somewhere between them. */
export type TimeAnswer = { readonly sentMs: number; readonly serverMs: number; readonly receivedMs: number };

export class ClockOffset {
  private offsetMs: number;
  private errorMs = Infinity;
  private measuredAtMs = 0;

  /** Until the first answer it is what this machine believes. */
  constructor(offsetMs: number) {
    this.offsetMs = offsetMs;
  }

  get valueMs(): number {
    return this.offsetMs;
  }

  /** Keeps the best measurement: the one of the shortest round trip, until its drift or a set clock has made a newer one better. */
  learn({ sentMs, serverMs, receivedMs }: TimeAnswer): void {
    const errorMs = (receivedMs - sentMs) / 2;
    const offsetMs = serverMs - (sentMs + receivedMs) / 2;
    const driftedMs = this.errorMs + (receivedMs - this.measuredAtMs) * DRIFT;
    const contradicts = Math.abs(offsetMs - this.offsetMs) > errorMs + driftedMs;
    if (errorMs > driftedMs && !contradicts) return;
    this.offsetMs = offsetMs;
    this.errorMs = errorMs;
    this.measuredAtMs = receivedMs;
  }
}
