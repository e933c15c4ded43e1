/** Jest's `testSequencer`: the storm takes as long as all other slow tests together, so it starts first and runs beside them; then the failover hour. */
import Sequencer from '@jest/test-sequencer';

const LONGEST = ['test/slow/storm.test.ts', 'test/slow/faults/failover-hour.test.ts'];

export default class LongestFirst extends Sequencer {
  /** @param {import('@jest/test-result').Test[]} tests */
  sort(tests) {
    return super.sort(tests).toSorted((a, b) => rank(a.path) - rank(b.path));
  }
}

/** @param {string} path */
function rank(path) {
  const place = LONGEST.findIndex((name) => path.endsWith(name));
  return place < 0 ? LONGEST.length : place;
}
