/** The names of the keys in which Redis keeps the states, holds, leases and denials of an entity. */
import { keyPrefixOf } from '@tally/client/protocol';
import { formatSubject, type EntityName, type ProjectName, type Subject } from '../domain/ids.js';
import type { ProjectQuota } from '../domain/quota-limits.js';
import { ScriptKeys } from './lua-script.js';
import { cacheByKey } from './generational-cache.js';

export class RedisKeys {
  /** What stands before every key. No character of it means anything in a pattern. */
  private readonly before: string;
  /** For scripts about an entity's holds, written once for each that was asked about recently. */
  readonly ofHolds = cacheByKey(String, (entity: EntityName) => new ScriptKeys(this.holds(entity)));

  /** For scripts that decide. */
  readonly ofDecision = cacheByKey(formatSubject, ({ entity, project }: Subject) => {
    const states = [this.state(entity), this.project(entity, project), this.leases(entity)];
    return new ScriptKeys([...this.holds(entity), ...states]);
  });

  /** `prefix` is `REDIS_PREFIX`. */
  constructor(prefix: string | null = null) {
    this.before = keyPrefixOf(prefix);
  }

  /** For the publication of an entity's state, and of its projects that have keys of their own. */
  ofPublication(entity: EntityName, projects: readonly ProjectQuota[]): string[] {
    const names = projects.map(({ project }) => this.project(entity, project));
    return [...this.holds(entity), this.leases(entity), this.state(entity), ...names];
  }

  /** Of all keys of an entity, its denials included. No character of a name means anything in a pattern. */
  pattern(entity: EntityName): string {
    return this.of(entity, '*');
  }

  state(entity: EntityName): string {
    return this.of(entity, 'state');
  }

  /** Of all states. */
  get statePattern(): string {
    return this.of('*' as EntityName, 'state');
  }

  /** Null for any other key. */
  entityOfState(key: string): EntityName | null {
    return this.entityOf(key, 'state');
  }

  /** Of the holds of all entities. */
  get holdsPattern(): string {
    return this.of('*' as EntityName, 'holds');
  }

  /** Null for any other key. */
  entityOfHolds(key: string): EntityName | null {
    return this.entityOf(key, 'holds');
  }

  /** What all entities hold together. */
  get heldTotal(): string {
    return `${this.before}tally:held`;
  }

  /** How often the entity was denied on a day, counted from 1970. */
  deniedOn(entity: EntityName, day: number): string {
    return this.of(entity, `denied:${day}`);
  }

  newestDenied(entity: EntityName): string {
    return this.of(entity, 'denied:newest');
  }

  /** The denials of a minute, as their ids name it. */
  denialsOf(entity: EntityName, minute: string): string {
    return this.of(entity, `denials:${minute}`);
  }

  private holds(entity: EntityName): string[] {
    return ['holds', 'expiry', 'ended'].map((name) => this.of(entity, name));
  }

  private project(entity: EntityName, project: ProjectName): string {
    return this.of(entity, `project:${project}`);
  }

  private leases(entity: EntityName): string {
    return this.of(entity, 'leases');
  }

  private entityOf(key: string, what: string): EntityName | null {
    const [start, end] = [`${this.before}tally:{`, `}:${what}`];
    const isOurs = key.startsWith(start) && key.endsWith(end);
    return isOurs ? (key.slice(start.length, -end.length) as EntityName) : null;
  }

  /** The braces put all keys of an entity into one cluster slot, so that one script may touch them all. */
  private of(entity: EntityName, what: string): string {
    return `${this.before}tally:{${entity}}:${what}`;
  }
}
