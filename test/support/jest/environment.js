/** Jest's `testEnvironment` for our runtime: Node as it is. Undoes what a test file changed in the process. */
import '../typescript.js';

export default class NativeEnvironment {
  global = globalThis;
  fakeTimers = null;
  fakeTimersModern = null;
  #environment = { ...process.env };
  #console = globalThis.console;
  #exit = Object.getOwnPropertyDescriptor(process, 'exit');

  constructor({ globalConfig }) {
    if (globalConfig.watch || globalConfig.watchAll) {
      throw new Error('Modules stay loaded from one run to the next: a changed file needs a new Jest.');
    }
  }

  async setup() {}

  async teardown() {
    for (const name of Object.keys(process.env)) if (!(name in this.#environment)) delete process.env[name];
    Object.assign(process.env, this.#environment);
    globalThis.console = this.#console;
    Object.defineProperty(process, 'exit', this.#exit);
  }

  getVmContext() {
    return null;
  }
}
