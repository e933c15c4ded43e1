/** Liveness and readiness. */
import { z } from 'zod';

export const Alive = z.object({ status: z.literal('ok') }).meta({ id: 'Alive' });

export const Ready = z
  .object({
    status: z
      .enum(['ok', 'degraded', 'unavailable', 'draining'])
      .describe('degraded: it does its work without one of the servers; draining: it ends'),
    checks: z
      .record(z.string(), z.enum(['ok', 'away']))
      .meta({ id: 'ReadyChecks', description: 'Each dependency by its name' }),
    report_lag_seconds: z
      .number()
      .nullable()
      .optional()
      .describe('Where reports are read from a standby: how old they may be; null while it does not answer'),
  })
  .meta({ id: 'Ready' });
