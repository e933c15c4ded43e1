import { expect, it } from '@jest/globals';
import { anApp } from '../../support/app.js';
import { corePath, TURN } from '../../support/core-path.js';
import { findPgBouncer, startPgBouncer, type PgBouncer } from '../../support/pgbouncer.js';
import { TestClock } from '../../support/test-clock.js';

/** The first version that keeps prepared statements. */
const PREPARES_FROM = 1_021;

it('behind PgBouncer in transaction pooling, and in another time zone, everything is as it is without', async () => {
  const version = await findPgBouncer();
  if (version === null) {
    if (process.env['CI'] !== undefined) throw new Error('CI installs PgBouncer, and it is not here');
    return;
  }
  const clock = () => new TestClock(new Date(TURN));
  const direct = await anApp({ role: 'all', clock: clock() });
  const seen = await corePath(direct);
  await direct.close();
  let pooler: PgBouncer | null = null;
  const pooled = await anApp({
    role: 'all',
    clock: clock(),
    postgres: { timezone: 'America/New_York' },
    environment: { DATABASE_PREPARE: version < PREPARES_FROM ? 'off' : 'on' },
    through: async (url) => {
      pooler = await startPgBouncer(url);
      return pooler.url;
    },
  });
  try {
    expect(await corePath(pooled)).toEqual(seen);
  } finally {
    await pooled.close();
    await (pooler as PgBouncer | null)?.stop();
  }
});
