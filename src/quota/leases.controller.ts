/** For gateways that decide themselves, on a slice of what is left. */
import { Body, Controller, Param } from '@nestjs/common';
import { TallyError } from '../domain/errors.js';
import { entityOfLease } from '../domain/ids.js';
import { Metrics } from '../platform/metrics.js';
import type { Lease } from './lease.js';
import { Quota } from './quota.js';
import { presentLease } from './leases.presenter.js';
import { Caller, requireEntity, type Principal } from '../access/principal.js';
import { Route } from '../http/route.js';
import * as schemas from './leases.schema.js';

@Controller()
export class LeasesController {
  constructor(
    private readonly quota: Quota,
    private readonly metrics: Metrics,
  ) {}

  @Route('POST /v1/quota/leases', {
    scope: 'own',
    role: 'gateway',
    summary: 'State what a lease holds, and be granted a slice to decide on',
    answers: schemas.Lease,
    status: 201,
  })
  async renew(@Body({ schema: schemas.LeaseOrder }) body: schemas.LeaseOrder, @Caller() caller: Principal) {
    requireEntity(caller, body.project.entity);
    const statement = {
      id: body.lease_id,
      sequence: body.sequence,
      outstandingPicos: body.outstanding_usd,
      freePicos: body.free_usd,
      wantedPicos: body.wanted_usd,
      largestHoldPicos: body.largest_hold_usd,
      ttlSeconds: body.ttl_seconds,
      models: body.models,
      ...handedOver(body),
    };
    const lease = await this.counted(this.quota.leases.renew(statement), (answer) => outcomeOf(answer, body));
    const answer = presentLease(lease);
    if (lease.grantedPicos > 0n) this.metrics.leaseGrantsUsd.observe(Number(answer.granted_usd));
    return answer;
  }

  @Route('POST /v1/quota/leases/:id/release', {
    scope: 'own',
    role: 'gateway',
    summary: 'End a lease; what it hands over stays held',
    answers: schemas.LeaseEnded,
  })
  async release(
    @Param({ schema: schemas.LeasePath }) { id }: { id: string },
    @Body({ schema: schemas.LeaseEnd }) body: schemas.LeaseEnd,
    @Caller() caller: Principal,
  ) {
    requireEntity(caller, body.project.entity);
    if (entityOfLease(id) !== body.project.entity)
      throw new TallyError('invalid_request', 'project: must be of the entity of the lease', {
        param: 'project',
      });
    await this.counted(this.quota.leases.end({ id, ...handedOver(body) }), () => 'released');
    return { object: 'quota.lease', id, released: true };
  }

  private async counted<T>(answer: Promise<T>, outcome: (answer: T) => string): Promise<T> {
    try {
      const given = await answer;
      this.metrics.leaseStatements.inc({ outcome: outcome(given) });
      return given;
    } catch (error) {
      const code = error instanceof TallyError ? error.code : 'internal_error';
      this.metrics.leaseStatements.inc({ outcome: code });
      throw error;
    }
  }
}

function outcomeOf({ reason }: Lease, { wanted_usd }: schemas.LeaseOrder): string {
  return reason ?? (wanted_usd === 0n ? 'given_back' : 'granted');
}

function handedOver({ project, request_seconds, finished }: schemas.LeaseEnd) {
  return {
    subject: project,
    requestSeconds: request_seconds,
    finished: finished.map(({ id, hold_usd }) => ({ id, holdPicos: hold_usd })),
  };
}
