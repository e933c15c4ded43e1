/** Writes down changes that were refused after the guard had admitted their caller. */
import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { catchError, from, mergeMap, throwError, type Observable } from 'rxjs';
import { refusedOf } from './refused-call.js';
import { Refusals } from './refusals.js';

@Injectable()
export class RefusedChanges implements NestInterceptor {
  constructor(private readonly refusals: Refusals) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const { principal } = request;
    if (principal === null) return next.handle();
    return next.handle().pipe(
      catchError((error: unknown) => {
        const noted = this.refusals.note(error, refusedOf(request, principal));
        return from(noted).pipe(mergeMap(() => throwError(() => error)));
      }),
    );
  }
}
