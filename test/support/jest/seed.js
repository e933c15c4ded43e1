/** Before a process's first test file: fast-check begins with the run's seed, where the run has one. */
const seed = process.env['TALLY_TEST_SEED'];

if (seed !== undefined) {
  const { default: fc } = await import('fast-check');
  fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(seed) });
}
