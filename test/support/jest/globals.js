/** What `@jest/globals` is here: the functions of the test file that is running. Modules that stay loaded see each file's own. */
import { fn, spyOn } from 'jest-mock';

/** Spies are the file's own to restore. */
export const jest = { fn, spyOn };

export let afterAll, afterEach, beforeAll, beforeEach, describe, expect, it;

export function setGlobals(globals) {
  ({ afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } = globals);
}
