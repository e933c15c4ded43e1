/** Keys and roles, and how a change is made: once, audited, and announced. */
import { Module } from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import { ApiKeys } from './api-keys.js';
import { AuditLogController } from './audit-log.controller.js';
import { AuthGuard } from './auth-guard.js';
import { BadKeys } from './bad-keys.js';
import { Chains } from './chains.js';
import { ChainsController } from './chains.controller.js';
import { Changes } from './changes.js';
import { ExistingKeys } from './existing-keys.js';
import { IdempotencyPruning } from './idempotency-pruning.js';
import { KeyUse } from './key-use.js';
import { KeysController } from './keys.controller.js';
import { ManagedKeys } from './managed-keys.js';
import { OrganizationAdminController } from './organization-admin.controller.js';
import { Sessions } from './sessions.js';
import { SessionsController } from './sessions.controller.js';
import { Refusals } from './refusals.js';
import { RefusedChanges } from './refused-changes.js';

const SERVICES = [
  ApiKeys,
  AuthGuard,
  BadKeys,
  Chains,
  Changes,
  ExistingKeys,
  IdempotencyPruning,
  KeyUse,
  ManagedKeys,
  Refusals,
  Sessions,
];

@Module({
  providers: [
    ...SERVICES,
    { provide: APP_GUARD, useExisting: AuthGuard },
    { provide: APP_INTERCEPTOR, useClass: RefusedChanges },
  ],
  exports: SERVICES,
})
export class AccessModule {}

@Module({
  imports: [AccessModule],
  controllers: [
    KeysController,
    AuditLogController,
    ChainsController,
    OrganizationAdminController,
    SessionsController,
  ],
})
export class AccessApi {}
