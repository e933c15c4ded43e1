/** Jest with Node's own module loader: test/support/jest/runtime.js says why, test/support/typescript.js compiles. */
export default {
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  testEnvironment: '<rootDir>/test/support/jest/environment.js',
  runtime: '<rootDir>/test/support/jest/runtime.js',
  testSequencer: '<rootDir>/test/support/jest/sequencer.js',
  transform: {},
  setupFilesAfterEnv: ['<rootDir>/test/support/jest/seed.js'],
  // Most of a test's time is spent in its own process: one for each core, also where Jest would leave one free.
  maxWorkers: '100%',
  // After a disconnect from a Redis that is down, ioredis keeps a timer of two seconds; a worker that a test really holds open is told.
  workerGracefulExitTimeout: 5_000,
  // Only a test that hangs comes near it: a busy machine takes ten times as long as a quiet one.
  testTimeout: 300_000,
  globalSetup: '<rootDir>/test/support/servers-up.js',
  globalTeardown: '<rootDir>/test/support/servers-down.js',
};
