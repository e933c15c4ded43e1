/** Answers that were read from a standby tell how far it lagged. */
import type { FastifyInstance } from 'fastify';
import { noting, type ReportLag } from '../platform/report-lag.js';

export const LAG_HEADER = 'x-report-lag-seconds';

declare module 'fastify' {
  interface FastifyRequest {
    reportLag: ReportLag | null;
  }
  interface FastifyContextConfig {
    /** True where it may be read from a standby. */
    lags?: boolean;
  }
}

export function equipReportLag(fastify: FastifyInstance): void {
  fastify.decorateRequest('reportLag', null);
  fastify.addHook('onRequest', (request, _reply, done) => {
    if (request.routeOptions.config.lags !== true) return done();
    request.reportLag = { seconds: null };
    noting(request.reportLag, done);
  });
  fastify.addHook('onSend', (request, reply, _payload, done) => {
    const seconds = request.reportLag?.seconds ?? null;
    if (seconds !== null) void reply.header(LAG_HEADER, String(Math.ceil(seconds * 10) / 10));
    done();
  });
}
