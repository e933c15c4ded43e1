/** The learned output sizes of each model, kept in this process. Asking never waits: an unknown model holds its worst case. */
import { learnedOutputTokens, type OutputSize } from './output-sizes.js';
import type { Clock } from '../platform/clock.js';
import type { Database } from '../platform/database.js';
import { findOutputSizes } from './output-sizes.sql.js';

/** From this age on the sizes are read again. */
const REFRESH_MS = 30_000;
/** Beyond this age they are not used. */
const AGE_MS_MAX = 900_000;

export class LearnedOutputs {
  private tokensByModel = new Map<string, number>();
  private loadedAtMs = -Infinity;
  private askedAtMs = -Infinity;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Null where too few requests of the model were seen. */
  tokensOf(model: string): number | null {
    const nowMs = this.clock.now().getTime();
    if (isOlder(this.askedAtMs, nowMs, REFRESH_MS)) {
      this.askedAtMs = nowMs;
      // While Postgres is unavailable the old sizes are used, up to AGE_MS_MAX.
      void this.load(nowMs).catch(() => {});
    }
    if (isOlder(this.loadedAtMs, nowMs, AGE_MS_MAX)) return null;
    return this.tokensByModel.get(model) ?? null;
  }

  private async load(startedAtMs: number): Promise<void> {
    const byModel = new Map<string, OutputSize[]>();
    for (const size of await findOutputSizes(this.database.decisions.reader)) {
      const known = byModel.get(size.model);
      if (known === undefined) byModel.set(size.model, [size]);
      else known.push(size);
    }
    const tokens = [...byModel].map(([model, sizes]) => [model, learnedOutputTokens(sizes)] as const);
    this.tokensByModel = new Map(
      tokens.flatMap(([model, count]) => (count === null ? [] : [[model, count]])),
    );
    this.loadedAtMs = startedAtMs;
  }
}

/** True also after the clock was set back. */
function isOlder(thenMs: number, nowMs: number, ageMsMax: number): boolean {
  return nowMs - thenMs > ageMsMax || nowMs < thenMs;
}
