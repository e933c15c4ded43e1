/**
 * The learned output sizes of each entity's models, kept in this process. Asking never waits: what is not known yet holds its worst
 * case, and is read for the next request.
 */
import { learnedOutputTokens, type OutputSize } from './output-sizes.js';
import type { Clock } from '../platform/clock.js';
import type { Database } from '../platform/database.js';
import { findOutputSizes } from './output-sizes.sql.js';

/** From this age on the sizes of an entity are read again. */
const REFRESH_MS = 30_000;
/** Beyond this age they are not used. */
const AGE_MS_MAX = 900_000;
/** Entities whose sizes are kept, and read with one statement. */
const ENTITIES_MAX = 10_000;
const READ_MAX = 500;

type Learned = { tokensByModel: ReadonlyMap<string, number>; loadedAtMs: number; askedAtMs: number };

export class LearnedOutputs {
  private readonly entities = new Map<string, Learned>();
  private readonly wanted = new Set<string>();
  private isReading = false;

  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Null where too few requests of the entity were seen. */
  tokensOf({ entity, model }: { entity: string; model: string }): number | null {
    const nowMs = this.clock.now().getTime();
    const known = this.entities.get(entity) ?? this.join(entity);
    if (isOlder(known.askedAtMs, nowMs, REFRESH_MS)) {
      known.askedAtMs = nowMs;
      this.wanted.add(entity);
      if (!this.isReading) void this.read();
    }
    if (isOlder(known.loadedAtMs, nowMs, AGE_MS_MAX)) return null;
    return known.tokensByModel.get(model) ?? null;
  }

  /** What other processes know of it they read again within half a minute. */
  forget(entity: string): void {
    this.entities.delete(entity);
  }

  private join(entity: string): Learned {
    if (this.entities.size >= ENTITIES_MAX) this.entities.clear();
    const learned = { tokensByModel: new Map<string, number>(), loadedAtMs: -Infinity, askedAtMs: -Infinity };
    this.entities.set(entity, learned);
    return learned;
  }

  /** While Postgres is unavailable the old sizes are used, up to AGE_MS_MAX. */
  private async read(): Promise<void> {
    this.isReading = true;
    try {
      while (this.wanted.size > 0) {
        const entities = [...this.wanted].slice(0, READ_MAX);
        for (const entity of entities) this.wanted.delete(entity);
        await this.load(entities).catch(() => {});
      }
    } finally {
      this.isReading = false;
    }
  }

  private async load(entities: readonly string[]): Promise<void> {
    const loadedAtMs = this.clock.now().getTime();
    const sizes = new Map(entities.map((entity) => [entity, new Map<string, OutputSize[]>()]));
    for (const size of await findOutputSizes(this.database.decisions.reader, entities)) {
      const byModel = sizes.get(size.entity)!;
      const known = byModel.get(size.model);
      if (known === undefined) byModel.set(size.model, [size]);
      else known.push(size);
    }
    for (const [entity, byModel] of sizes) {
      const learned = this.entities.get(entity);
      if (learned === undefined) continue;
      const tokens = [...byModel].map(([model, of]) => [model, learnedOutputTokens(of)] as const);
      learned.tokensByModel = new Map(
        tokens.flatMap(([model, count]) => (count === null ? [] : [[model, count]])),
      );
      learned.loadedAtMs = loadedAtMs;
    }
  }
}

/** True also after the clock was set back. */
function isOlder(thenMs: number, nowMs: number, ageMsMax: number): boolean {
  return nowMs - thenMs > ageMsMax || nowMs < thenMs;
}
