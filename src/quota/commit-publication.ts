/** Publishes what a committed change concerns, so that the next decision sees it. */
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Changes, type Concerned } from '../access/changes.js';
import { DEFAULT_PLAN } from '../accounts/default-plan.js';
import { Entities } from '../accounts/entities.js';
import type { EntityName } from '../domain/ids.js';
import { Quota } from './quota.js';
import { UnknownEntities } from './unknown-entities.js';

/** How many entities' states one statement loads when their plan changes. */
const PAGE_ENTITIES = 500;

@Injectable()
export class CommitPublication implements OnModuleInit {
  constructor(
    private readonly changes: Changes,
    private readonly quota: Quota,
    private readonly entities: Entities,
    private readonly unknown: UnknownEntities,
  ) {}

  onModuleInit(): void {
    this.changes.onCommit((concerned) => this.publish(concerned));
  }

  /** A commit is a success even while Redis is unavailable, so that nobody buys twice: decisions then come from Postgres. */
  async publish(concerned: readonly Concerned[]): Promise<void> {
    const accounts = concerned.flatMap((each) => ('entity' in each ? [each] : []));
    if (accounts.length > 0) await this.quota.publishNowOrLater(accounts);
    for (const each of concerned) if ('plan' in each) await this.publishPlan(each.plan);
    for (const each of concerned) if ('removed' in each) await this.quota.forget(each.removed);
  }

  /** Page by page. Unknown entities have the default plan. */
  private async publishPlan(plan: string): Promise<void> {
    for (let after = '', full = true; full;) {
      const names = await this.entities.namesOfPlan({ plan, after, limit: PAGE_ENTITIES });
      await this.publishEntities(names);
      full = names.length === PAGE_ENTITIES;
      after = names.at(-1) ?? after;
    }
    if (plan !== DEFAULT_PLAN) return;
    for await (const names of this.unknown.pages()) await this.publishEntities(names);
  }

  private async publishEntities(names: readonly EntityName[]): Promise<void> {
    if (names.length > 0)
      await this.quota.publishNowOrLater(names.map((entity) => ({ entity, project: null })));
  }
}
