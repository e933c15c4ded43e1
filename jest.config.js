/** Jest runs TypeScript as ES modules (NestJS 12 is ESM only); @swc/jest strips types, tsc checks them apart. */
export default {
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  // Our packages by their source: nothing has to be built before it is tested.
  testEnvironmentOptions: { customExportConditions: ['@tally/source', 'node', 'node-addons'] },
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2023',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
        module: { type: 'es6' },
      },
    ],
  },
  // Only a test that hangs comes near it: a busy machine takes ten times as long as a quiet one.
  testTimeout: 300_000,
  // What a test file has imported as ES modules is never freed, some 20 MB: a hundred files would fill a small machine's heap.
  workerIdleMemoryLimit: '500MB',
  globalSetup: '<rootDir>/test/support/servers-up.ts',
  globalTeardown: '<rootDir>/test/support/servers-down.ts',
};
