/** How keys are made, shown, rotated and revoked: by an admin any, by an owner those of its own entity that it may make. */
import { Injectable } from '@nestjs/common';
import { TallyError } from '../domain/errors.js';
import { randomId, type EntityName } from '../domain/ids.js';
import { bindingProblem, OWNED_ROLES, type KeyRole } from '../domain/key-roles.js';
import type { Order } from '../http/list-order.js';
import { cursorRow } from '../http/list-page.js';
import { Clock } from '../platform/clock.js';
import { Database, type Tx } from '../platform/database.js';
import {
  changeKey,
  countActiveKeys,
  findKey,
  insertKey,
  listKeys,
  stateOf,
  type KeyFilter,
  type KeyScope,
  type StoredKey,
} from './api-key-rows.js';
import { hashOf, newSecret } from './api-keys.js';
import { insertAuditEntry } from './audit-log.js';
import { ExistingKeys } from './existing-keys.js';
import { lockLastingAdminKeys } from './key-use.sql.js';
import { KeyUse } from './key-use.js';
import { forbidden, missing, type Principal } from './principal.js';

/** Active keys of one entity, above which its owners make no more. Requests at the same time may pass it by a few. */
export const KEYS_OF_ENTITY_MAX = 100;

export type KeyOrder = {
  readonly name: string;
  readonly role: KeyRole;
  readonly entity: EntityName | null;
  readonly source: string | null;
  readonly expiresAt: Date | null;
};

export type Secret = { readonly secret: string };

/** What a caller may look at, and what it may end. */
function visibleTo({ entity }: Principal): KeyScope {
  return { entity, roles: null };
}

function ownedBy({ entity, role }: Principal): KeyScope {
  return { entity, roles: role === 'owner' ? OWNED_ROLES : null };
}

@Injectable()
export class ManagedKeys {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
    private readonly existing: ExistingKeys,
    private readonly use: KeyUse,
  ) {}

  /**
   * Returns the key with its secret, which cannot be shown again. Of all calls that name an entity this one alone takes one that does not
   * exist yet: a gateway's first request makes its entity, and it needs a key for that. Until then what the key reads is `not_found`.
   */
  async create(tx: Tx, order: KeyOrder, caller: Principal): Promise<StoredKey & Secret> {
    if (caller.role === 'owner' && !OWNED_ROLES.includes(order.role)) throw forbidden();
    const problem = bindingProblem(order.role, order.entity);
    if (problem !== null) throw new TallyError('invalid_request', `entity: ${problem}`, { param: 'entity' });
    const at = await this.clock.bookingTime(tx);
    await requireRoomForKeys(tx, caller, at);
    const key = await this.insert(tx, order, at);
    await audit(tx, { at, caller, action: 'keys.create', target: key, before: null, after: shownOf(key) });
    return key;
  }

  async get(id: string, caller: Principal): Promise<StoredKey> {
    return this.find(id, visibleTo(caller));
  }

  async find(id: string, scope: KeyScope): Promise<StoredKey> {
    await this.use.write().catch(() => {});
    return required(await findKey(this.database.reader, id, scope));
  }

  /** A page. `after` is an id of the filter's scope; any other is refused as if it did not exist. */
  async list(
    filter: KeyFilter,
    page: { order?: Order; after: string | null; limit: number },
  ): Promise<StoredKey[]> {
    await this.use.write().catch(() => {});
    const tx = this.database.reader;
    const after = await cursorRow(page.after, (id) => findKey(tx, id, filter));
    return listKeys(tx, filter, { ...page, after, now: this.clock.now() });
  }

  /** Call `ApiKeys.invalidate` after the commit. */
  async revoke(tx: Tx, id: string, caller: Principal): Promise<void> {
    const at = await this.clock.bookingTime(tx);
    const before = await this.liveKey(tx, id, caller);
    if (before.revokedAt !== null) throw missing('such API key');
    await requireAnotherAdmin(tx, before);
    const after = await changeKey(tx, id, { revokedAt: at });
    await audit(tx, {
      at,
      caller,
      action: 'keys.revoke',
      target: after,
      before: shownOf(before),
      after: shownOf(after),
    });
  }

  /** A name says who uses the key, so it may change at any time, also of one that has ended. */
  async rename(tx: Tx, order: { id: string; name: string }, caller: Principal): Promise<StoredKey> {
    const { id, name } = order;
    const at = await this.clock.bookingTime(tx);
    const before = await this.liveKey(tx, id, caller);
    if (before.name === name) return before;
    const after = await changeKey(tx, id, { name });
    await audit(tx, {
      at,
      caller,
      action: 'keys.rename',
      target: after,
      before: shownOf(before),
      after: shownOf(after),
    });
    return after;
  }

  /**
   * Makes the successor of a key, which may do the same; the key itself ends after the overlap. Call `ApiKeys.invalidate` after the
   * commit.
   */
  async rotate(
    tx: Tx,
    order: { id: string; overlapSeconds: number; expiresAt: Date | null },
    caller: Principal,
  ): Promise<StoredKey & Secret> {
    const { id, overlapSeconds, expiresAt } = order;
    const at = await this.clock.bookingTime(tx);
    const before = await this.liveKey(tx, id, caller);
    const state = stateOf(before, at);
    if (state !== 'active') throw new TallyError('conflict', `the API key is ${state}`);
    if (before.successor !== null)
      throw new TallyError('conflict', `the API key was rotated: its successor is ${before.successor}`);
    if (expiresAt !== null) await requireAnotherAdmin(tx, before);
    if (overlapSeconds > 0) await requireRoomForKeys(tx, caller, at);
    const successor = await this.insert(tx, { ...before, expiresAt }, at);
    const endsAt = new Date(at.getTime() + overlapSeconds * 1_000);
    const ends = before.expiresAt !== null && before.expiresAt < endsAt ? before.expiresAt : endsAt;
    const change = overlapSeconds === 0 ? { revokedAt: at } : { expiresAt: ends };
    const after = await changeKey(tx, id, { ...change, successor: successor.id });
    await audit(tx, {
      at,
      caller,
      action: 'keys.rotate',
      target: after,
      before: shownOf(before),
      after: shownOf(after),
    });
    return successor;
  }

  /** Locks the admin keys first, so that their number holds until the transaction ends. */
  private async liveKey(tx: Tx, id: string, caller: Principal): Promise<StoredKey> {
    if (caller.role === 'admin') await lockLastingAdminKeys(tx);
    return required(await findKey(tx, id, ownedBy(caller)));
  }

  private async insert(tx: Tx, order: KeyOrder, createdAt: Date): Promise<StoredKey & Secret> {
    const { name, role, entity, source, expiresAt } = order;
    if (expiresAt !== null && expiresAt <= createdAt)
      throw new TallyError('invalid_request', 'expires_at must lie in the future', { param: 'expires_at' });
    const secret = newSecret();
    const key = { id: randomId('key'), name, role, entity, source, expiresAt, createdAt };
    const row = await insertKey(tx, { ...key, secretHash: hashOf(secret) });
    if (row === null) throw new TallyError('conflict', 'this secret is in use');
    this.existing.add(hashOf(secret));
    return { ...row, secret };
  }
}

/** By mistake nobody ends the last admin key: without one, keys are made in the database alone. */
async function requireAnotherAdmin(tx: Tx, { id, role, expiresAt }: StoredKey): Promise<void> {
  if (role !== 'admin' || expiresAt !== null) return;
  if ((await lockLastingAdminKeys(tx)).some((other) => other !== id)) return;
  throw new TallyError('conflict', 'this is the last admin key that does not expire: make another one first');
}

/** A key is kept for ever and has its own share of every limit that is counted by key, so the number that a customer may make is bounded. */
async function requireRoomForKeys(tx: Tx, { role, entity }: Principal, now: Date): Promise<void> {
  if (role !== 'owner' || entity === null) return;
  if ((await countActiveKeys(tx, entity, now)) < KEYS_OF_ENTITY_MAX) return;
  throw new TallyError(
    'conflict',
    `an entity has at most ${KEYS_OF_ENTITY_MAX} active keys: revoke one first`,
  );
}

function required(key: StoredKey | null): StoredKey {
  if (key === null) throw missing('such API key');
  return key;
}

function shownOf({ name, role, entity, source, expiresAt, revokedAt, successor }: StoredKey) {
  return { name, role, entity, source, expires_at: expiresAt, revoked_at: revokedAt, successor };
}

type Shown = ReturnType<typeof shownOf>;

async function audit(
  tx: Tx,
  of: {
    at: Date;
    caller: Principal;
    action: string;
    target: StoredKey;
    before: Shown | null;
    after: Shown | null;
  },
): Promise<void> {
  const { at, caller, action, target, before, after } = of;
  const { id, entity } = target;
  await insertAuditEntry(tx, { at, actor: caller.keyId, action, entity, target: id, before, after });
}
