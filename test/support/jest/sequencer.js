/** Jest's `testSequencer`: the storm takes as long as all other slow tests together, so it starts first and runs beside them. */
import Sequencer from '@jest/test-sequencer';

const LONGEST = 'test/slow/storm.test.ts';

export default class LongestFirst extends Sequencer {
  /** @param {import('@jest/test-result').Test[]} tests */
  sort(tests) {
    return super.sort(tests).toSorted((a, b) => rank(a.path) - rank(b.path));
  }
}

/** @param {string} path */
function rank(path) {
  return path.endsWith(LONGEST) ? 0 : 1;
}
