import { describe, expect, it } from '@jest/globals';
import { ReplayLag } from '../../src/platform/replay-lag.js';

describe('how far a standby lags', () => {
  const lag = new ReplayLag();
  for (const [bytes, atMs] of [[100n, 1_000], [100n, 1_500], [300n, 2_000], [400n, 2_500]] as const)
    lag.sample({ bytes, atMs }); // prettier-ignore

  it.each([
    ['all that was written', 400n, 0.5],
    ['more than was written when last asked', 450n, 0.5],
    ['a part of what was written last', 399n, 1],
    ['what was written when nothing was', 100n, 1.5],
  ])('is the age of the newest sample that it has replayed: %s', (_, replayed, seconds) => {
    expect(lag.secondsOf(replayed, 3_000)).toBe(seconds);
  });

  it('is not told where it has replayed less than is remembered', () => {
    expect(lag.secondsOf(99n, 3_000)).toBeNull();
    expect(new ReplayLag().secondsOf(99n, 3_000)).toBeNull();
  });

  it('starts again when another server takes over with less of the log', () => {
    const after = new ReplayLag();
    after.sample({ bytes: 500n, atMs: 1_000 });
    after.sample({ bytes: 400n, atMs: 2_000 });
    expect(after.secondsOf(450n, 3_000)).toBe(1);
    expect(after.secondsOf(399n, 3_000)).toBeNull();
  });

  it('goes on growing while the primary is not asked, and remembers ten minutes', () => {
    const long = new ReplayLag();
    for (let n = 0; n < 1_300; n += 1) long.sample({ bytes: BigInt(n), atMs: n * 500 });
    expect(long.secondsOf(1_299n, 1_299 * 500 + 60_000)).toBe(60);
    expect(long.secondsOf(99n, 650_000)).toBeNull();
    expect(long.secondsOf(100n, 650_000)).toBe(600);
  });
});
