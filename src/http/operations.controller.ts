/** For operators: health, readiness and metrics. */
import { Controller, Header, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { METRICS_TYPE, MetricsServer } from './metrics-server.js';
import { Readiness } from './readiness.js';
import { Route } from './route.js';
import { Alive, Ready } from './operations.schema.js';

@Controller()
export class OperationsController {
  constructor(
    private readonly readiness: Readiness,
    private readonly metrics: MetricsServer,
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
    summary: 'Whether this process can do its work, be it degraded; 503 if not',
    answers: Ready,
    alsoStatus: 503,
  })
  async ready(@Res({ passthrough: true }) reply: FastifyReply) {
    const readings = await this.readiness.check();
    const { status } = readings;
    void reply.code(status === 'unavailable' || status === 'draining' ? 503 : 200);
    return readings;
  }

  @Route('GET /metrics', {
    scope: 'all',
    role: 'finance',
    alsoFor: ['gateway'],
    summary: 'Prometheus text, of all entities together; at METRICS_PORT without a key',
    produces: 'text/plain',
    alsoProduces: ['application/openmetrics-text'],
  })
  @Header('content-type', METRICS_TYPE)
  @Header('cache-control', 'no-store')
  async read() {
    return this.metrics.text();
  }
}
