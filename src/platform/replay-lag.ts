/**
 * How old what a standby shows may be, at most: samples of how far the primary had written at which time, and the newest of them that the
 * standby has replayed. So neither a quiet primary nor a stream that is cut looks like something else, and nothing is written for it.
 */

/** Ten minutes of one every half second. */
const SAMPLES_MAX = 1_200;

/** `bytes`: a position in the log of writes. `atMs`: a monotonic time before which all that it covers was committed. */
type Sample = { readonly bytes: bigint; readonly atMs: number };

export class ReplayLag {
  private samples: Sample[] = [];

  sample(sample: Sample): void {
    const last = this.samples.at(-1);
    // Another server took over, which lacks the end of the other's log.
    if (last !== undefined && sample.bytes < last.bytes) this.samples = [];
    this.samples.push(sample);
    if (this.samples.length > SAMPLES_MAX) this.samples.shift();
  }

  /** Null where the standby has replayed less than is remembered. */
  secondsOf(replayedBytes: bigint, nowMs: number): number | null {
    const sample = this.samples.findLast(({ bytes }) => bytes <= replayedBytes);
    return sample === undefined ? null : Math.max(0, nowMs - sample.atMs) / 1_000;
  }
}
