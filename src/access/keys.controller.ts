/** API keys: an admin lists, makes and revokes any, an owner the gateway and finance keys of its own entity. */
import { Body, Controller, Param, Query } from '@nestjs/common';
import type { StoredKey } from './api-key-rows.js';
import { ApiKeys } from './api-keys.js';
import { Call, Changes, type ChangeCall } from './changes.js';
import { unixSeconds, unixSecondsOrNull } from '../domain/unix-time.js';
import { OWNED_ROLES } from '../domain/key-roles.js';
import { presentPage } from '../http/list-page.js';
import { Caller, forbidden, requireEntity, type Principal } from './principal.js';
import { Route } from '../http/route.js';
import * as schemas from './keys.schema.js';

@Controller()
export class KeysController {
  constructor(
    private readonly keys: ApiKeys,
    private readonly changes: Changes,
  ) {}

  @Route('POST /v1/admin/keys', {
    scope: 'own',
    role: 'admin',
    alsoFor: ['owner'],
    summary: 'Make a key; its secret is shown this once',
    answers: schemas.NewKey,
    status: 201,
  })
  async create(@Body({ schema: schemas.KeyOrder }) body: schemas.KeyOrder, @Call() call: ChangeCall) {
    const { role: callerRole, entity: only } = call.principal;
    const entity = body.entity ?? only;
    requireEntity(call.principal, entity);
    if (callerRole === 'owner' && !OWNED_ROLES.includes(body.role)) throw forbidden();
    // Never under an idempotency key: the stored answer would hold the secret.
    return this.changes.make({ ...call, idempotency: null }, [], async (tx) => {
      const { name, role, source = null } = body;
      const key = await this.keys.create(tx, { name, role, entity, source, actor: call.principal.keyId });
      return { ...presentKey(key), secret: key.secret };
    });
  }

  @Route('GET /v1/admin/keys', {
    scope: 'own',
    role: 'admin',
    alsoFor: ['owner'],
    summary: 'List keys, newest first',
    answers: schemas.KeyList,
  })
  async list(@Query({ schema: schemas.KeyPage }) page: schemas.KeyPage, @Caller() { entity }: Principal) {
    const { limit, after = null } = page;
    const rows = await this.keys.list({ entity, after, limit: limit + 1 });
    return presentPage(rows, { limit, idOf: (row) => row.id, present: presentKey });
  }

  @Route('DELETE /v1/admin/keys/:id', {
    scope: 'own',
    role: 'admin',
    alsoFor: ['owner'],
    summary: 'Revoke a key',
    answers: schemas.DeletedKey,
  })
  async revoke(@Param({ schema: schemas.KeyPath }) { id }: { id: string }, @Call() call: ChangeCall) {
    const { principal } = call;
    await this.changes.make(call, [], async (tx) =>
      presentKey(await this.keys.revoke(tx, { id, principal })),
    );
    this.keys.invalidate();
    return { object: 'api_key.deleted', id, deleted: true };
  }
}

function presentKey(row: StoredKey): schemas.Key {
  return {
    object: 'api_key',
    id: row.id,
    name: row.name,
    role: row.role,
    entity: row.entity,
    source: row.source,
    created_at: unixSeconds(row.createdAt),
    revoked_at: unixSecondsOrNull(row.revokedAt),
  };
}
