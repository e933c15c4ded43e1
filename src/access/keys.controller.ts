/** API keys: an admin lists, makes and revokes any, an owner the gateway and finance keys of its own entity. */
import { Body, Controller, Param, Query } from '@nestjs/common';
import { stateOf, type KeyState, type StoredKey } from './api-key-rows.js';
import { ApiKeys } from './api-keys.js';
import { Call, Changes, type ChangeCall } from './changes.js';
import { unixSeconds, unixSecondsOrNull } from '../domain/unix-time.js';
import { presentPage } from '../http/list-page.js';
import { ManagedKeys, type Secret } from './managed-keys.js';
import { Caller, requireEntity, scopeOf, type Principal } from './principal.js';
import { Route } from '../http/route.js';
import { Clock } from '../platform/clock.js';
import * as schemas from './keys.schema.js';
import { requireKnownWhereEmpty } from './known-entities.js';
import { Database } from '../platform/database.js';

@Controller()
export class KeysController {
  constructor(
    private readonly keys: ApiKeys,
    private readonly managed: ManagedKeys,
    private readonly changes: Changes,
    private readonly clock: Clock,
    private readonly database: Database,
  ) {}

  @Route('POST /v1/admin/keys', {
    scope: 'own',
    role: 'admin',
    alsoFor: ['owner'],
    summary: 'Make a key; its secret is shown this once',
    answers: schemas.NewKey,
    status: 201,
    idempotent: true,
  })
  async create(@Body({ schema: schemas.KeyOrder }) body: schemas.KeyOrder, @Call() call: ChangeCall) {
    const { principal } = call;
    const entity = body.entity ?? principal.entity;
    requireEntity(principal, entity);
    const { name, role, source = null, expires_at: expiresAt = null } = body;
    const order = { name, role, entity, source, expiresAt };
    return this.changes.make(
      call,
      [],
      async (tx) => presentNewKey(await this.managed.create(tx, order, principal)),
      { holdsSecret: true },
    );
  }

  @Route('GET /v1/admin/keys', {
    scope: 'own',
    role: 'admin',
    alsoFor: ['owner'],
    summary: 'List keys, newest first',
    answers: schemas.KeyList,
  })
  async list(@Query({ schema: schemas.KeyPage }) query: schemas.KeyPage, @Caller() caller: Principal) {
    const { order, limit, after = null, role, state = null } = query;
    const filter = { entity: scopeOf(caller, query), roles: role === undefined ? null : [role], state };
    const rows = await this.managed.list(filter, { order, after, limit: limit + 1 });
    await requireKnownWhereEmpty(this.database.reader, { entity: filter.entity, found: rows });
    return presentPage(rows, { limit, idOf: (row) => row.id, present: (row) => this.present(row) });
  }

  @Route('GET /v1/admin/keys/:id', {
    scope: 'own',
    role: 'admin',
    alsoFor: ['owner'],
    summary: 'Get a key',
    answers: schemas.Key,
  })
  async get(@Param({ schema: schemas.KeyPath }) { id }: { id: string }, @Caller() caller: Principal) {
    return this.present(await this.managed.get(id, caller));
  }

  @Route('PATCH /v1/admin/keys/:id', {
    scope: 'own',
    role: 'admin',
    alsoFor: ['owner'],
    summary: 'Rename a key; nothing else of it can be changed',
    answers: schemas.Key,
    idempotent: true,
  })
  async rename(
    @Param({ schema: schemas.KeyPath }) { id }: { id: string },
    @Body({ schema: schemas.KeyPatch }) { name }: schemas.KeyPatch,
    @Call() call: ChangeCall,
  ) {
    const renamed = await this.changes.make(call, [], async (tx) =>
      this.present(await this.managed.rename(tx, { id, name }, call.principal)),
    );
    this.keys.invalidate();
    return renamed;
  }

  @Route('POST /v1/admin/keys/:id/rotate', {
    scope: 'own',
    role: 'admin',
    alsoFor: ['owner'],
    summary:
      'Make the successor of a key, which itself ends after the overlap; its secret is shown this once',
    answers: schemas.NewKey,
    status: 201,
    idempotent: true,
  })
  async rotate(
    @Param({ schema: schemas.KeyPath }) { id }: { id: string },
    @Body({ schema: schemas.Rotation }) body: schemas.Rotation,
    @Call() call: ChangeCall,
  ) {
    const { overlap_seconds: overlapSeconds, expires_at: expiresAt = null } = body;
    const order = { id, overlapSeconds, expiresAt };
    const made = await this.changes.make(
      call,
      [],
      async (tx) => presentNewKey(await this.managed.rotate(tx, order, call.principal)),
      { holdsSecret: true },
    );
    this.keys.invalidate();
    return made;
  }

  @Route('DELETE /v1/admin/keys/:id', {
    scope: 'own',
    role: 'admin',
    alsoFor: ['owner'],
    summary: 'Revoke a key',
    answers: schemas.DeletedKey,
  })
  async revoke(@Param({ schema: schemas.KeyPath }) { id }: { id: string }, @Call() call: ChangeCall) {
    await this.changes.make(call, [], async (tx) => {
      await this.managed.revoke(tx, id, call.principal);
      return {};
    });
    this.keys.invalidate();
    return { object: 'api_key.deleted', id, deleted: true };
  }

  private present(row: StoredKey): schemas.Key {
    return presentKey(row, stateOf(row, this.clock.now()));
  }
}

function presentNewKey(key: StoredKey & Secret): schemas.NewKey {
  return { ...presentKey(key, 'active'), secret: key.secret };
}

function presentKey(row: StoredKey, state: KeyState): schemas.Key {
  return {
    object: 'api_key',
    id: row.id,
    name: row.name,
    role: row.role,
    entity: row.entity,
    source: row.source,
    state,
    created_at: unixSeconds(row.createdAt),
    expires_at: unixSecondsOrNull(row.expiresAt),
    revoked_at: unixSecondsOrNull(row.revokedAt),
    last_used_at: unixSecondsOrNull(row.lastUsedAt),
    successor: row.successor,
  };
}
