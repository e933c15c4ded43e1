/** Refuses what a route does not know: a caller that sends `?dry_run=true` where there is none must hear of it. */
import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { TallyError } from '../domain/errors.js';
import { takenBy, type Taken } from './taken-parts.js';
import { refusalOf } from './schema-pipe.js';

/** For routes that take no query or no body; where they do, their schema knows the fields (schema-pipe.ts). */
@Injectable()
export class UnknownFields implements CanActivate {
  private readonly taken = new WeakMap<object, Taken>();

  canActivate(context: ExecutionContext): boolean {
    const handler = context.getHandler();
    let taken = this.taken.get(handler);
    if (taken === undefined) this.taken.set(handler, (taken = takenBy(context.getClass(), handler.name)));
    const { query, body, routeOptions } = context.switchToHttp().getRequest<FastifyRequest>();
    if (!taken.query) requireNothing('query', query);
    if (!taken.body && routeOptions.config.streamsBody !== true) requireNothing('body', body);
    return true;
  }
}

export function requireNothing(where: 'query' | 'body', given: unknown): void {
  if (given === undefined || given === null) return;
  if (typeof given !== 'object' || Array.isArray(given))
    throw new TallyError('invalid_request', 'body: this URL takes none', { param: where });
  const fields = Object.keys(given);
  if (fields.length > 0)
    throw refusalOf(
      fields.map((field) => ({ field, message: 'is not a known field' })),
      where,
    );
}
