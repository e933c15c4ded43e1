/** Publications that failed: they are retried before the next decision about the entity, and when Redis is connected again. */
import type { EntityName } from '../domain/ids.js';
import { isUnavailable } from '../platform/unavailable.js';
import { CallsInFlight } from './calls-in-flight.js';
import type { QuotaSubject } from './quota-state.sql.js';

/** How many entities are kept. The maximum age of a state bounds the harm of one that is not kept. */
const ENTITIES_MAX = 10_000;

export class PublicationRetries {
  private readonly failed = new Map<EntityName, readonly QuotaSubject[]>();
  private readonly inFlight = new CallsInFlight<EntityName, boolean>();

  constructor(private readonly publish: (subjects: readonly QuotaSubject[]) => Promise<void>) {}

  keep(subjects: readonly QuotaSubject[]): void {
    for (const { entity, project } of subjects) {
      const known = this.failed.get(entity) ?? [];
      if (known.length === 0 && this.failed.size >= ENTITIES_MAX) return;
      // A new list even where it has the subject: a retry in flight may have read the state before this change.
      this.failed.set(entity, [...known.filter((each) => each.project !== project), { entity, project }]);
    }
  }

  isNeeded(entity: EntityName): boolean {
    return this.failed.has(entity);
  }

  /** False while Postgres is unavailable, so that Redis lacks the latest state. Throws while Redis is unavailable. */
  async retry(entity: EntityName): Promise<boolean> {
    const subjects = this.failed.get(entity);
    if (subjects === undefined) return true;
    return this.inFlight.share(entity, () => this.publishAgain(entity, subjects));
  }

  private async publishAgain(entity: EntityName, subjects: readonly QuotaSubject[]): Promise<boolean> {
    try {
      await this.publish(subjects);
    } catch (error) {
      if (!isUnavailable(error, 'postgres')) throw error;
      return false;
    }
    // A publication that failed meanwhile has replaced the list.
    if (this.failed.get(entity) === subjects) this.failed.delete(entity);
    return true;
  }

  async retryAll(): Promise<void> {
    // What fails again stays for the next retry.
    for (const entity of Array.from(this.failed.keys())) await this.retry(entity).catch(() => false);
  }
}
