/** For operators: health, readiness and metrics. */
import { Controller, Header, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Metrics } from '../platform/metrics.js';
import { Readiness } from './readiness.js';
import { Route } from './route.js';
import { Alive, Ready } from './operations.schema.js';

@Controller()
export class OperationsController {
  constructor(
    private readonly readiness: Readiness,
    private readonly metrics: Metrics,
  ) {}

  @Route('GET /livez', {
    scope: 'public',
    role: 'anyone',
    summary: 'Whether the process answers',
    answers: Alive,
  })
  live() {
    return { status: 'ok' };
  }

  @Route('GET /readyz', {
    scope: 'public',
    role: 'anyone',
    summary: 'Whether Postgres and Redis answer; 503 if not',
    answers: Ready,
  })
  async ready(@Res({ passthrough: true }) reply: FastifyReply) {
    const checks = await this.readiness.check();
    const ok = Object.values(checks).every((state) => state === 'ok');
    void reply.code(ok ? 200 : 503);
    return { status: ok ? 'ok' : 'unavailable', checks };
  }

  @Route('GET /metrics', {
    scope: 'public',
    role: 'anyone',
    summary: 'Prometheus text',
    produces: 'text/plain',
  })
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  @Header('cache-control', 'no-store')
  async read() {
    return this.metrics.text();
  }
}
