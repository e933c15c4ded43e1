/** The gateway's parts put together, and taken apart again in the order in which nothing is lost. */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import { httpReporter, LeasedQuota, TallyClient, type OutboxOptions } from '@tally/client';
import { listenForLeaseRecalls } from '@tally/client/lease-recalls';
import { queueReporter } from '@tally/client/queue';
import { CannedModel } from './canned-model.js';
import type { GatewayConfig } from './config.js';
import { Metering } from './metering.js';
import { serveMetrics } from './metrics.js';
import { buildServer } from './server.js';

export interface Gateway {
  readonly url: string;
  /** Null where no port was given for it. */
  readonly metricsUrl: string | null;
  /** Lets running answers finish, then delivers their usage events. */
  close(): Promise<void>;
}

export interface GatewayDeps {
  readonly logger: Logger;
  readonly now: () => Date;
  readonly model?: CannedModel;
  readonly holdTtlSeconds?: number;
  /** After this, streams that still run are cut and charged as far as they came. */
  readonly drainMs?: number;
}

const SETTLE_MS_MAX = 1000;

export async function startGateway(config: GatewayConfig, deps: GatewayDeps): Promise<Gateway> {
  const { logger, now, holdTtlSeconds = 900, drainMs = 30_000 } = deps;
  const model =
    deps.model ?? new CannedModel({ capacity: config.modelCapacity, delayMs: config.modelDelayMs });
  const tally = new TallyClient({ baseUrl: config.tallyUrl, apiKey: config.tallyApiKey });
  const { gatewayId, host, metricsPort, redisUrl, outboxDir } = config;
  const outbox: OutboxOptions = {
    ...(outboxDir !== undefined && { directory: outboxDir }),
    onFailure: (error) => logger.warn({ err: error }, 'usage events not delivered yet'),
    onRefused: (event, error) => logger.error({ err: error, event }, 'usage event lost'),
  };
  const reporter = await (redisUrl === undefined
    ? httpReporter(tally, outbox)
    : queueReporter({ redisUrl, ...outbox }));
  const leases = config.leases ? leasesOf(tally, config, { logger, holdTtlSeconds }) : null;
  const metering = new Metering({
    quota: leases?.quota ?? tally,
    reporter,
    gatewayId,
    holdTtlSeconds,
    now,
    logger,
  });
  const server = buildServer({ config, model, metering, now, logger });
  const closeQuietConnections = connectionsOf(server.server);
  const measured = { reporter, leases: leases?.quota ?? null };
  const metrics =
    metricsPort === undefined ? null : await serveMetrics({ host, port: metricsPort }, measured);
  const url = await server.listen({ host, port: config.port });
  return {
    url,
    metricsUrl: metrics?.url ?? null,
    close: async () => {
      const cut = setTimeout(() => server.server.closeAllConnections(), drainMs);
      const closed = server.close();
      closeQuietConnections();
      await closed;
      clearTimeout(cut);
      // Streams that were just cut need a moment; an answer that nobody waits for any more gets no longer than that.
      await Promise.race([metering.settled(), wait(SETTLE_MS_MAX)]);
      await leases?.close();
      await reporter.close();
      metrics?.close();
    },
  };
}

/** Without a Redis in common, what Tally lowers is known with the next renewal. */
function leasesOf(
  tally: TallyClient,
  { redisUrl }: GatewayConfig,
  { logger, holdTtlSeconds }: { logger: Logger; holdTtlSeconds: number },
): { quota: LeasedQuota; close(): Promise<void> } {
  const onFailure = (error: unknown) => logger.warn({ err: error }, 'leases not renewed, or no news of them');
  const quota = new LeasedQuota({ tally, requestSeconds: holdTtlSeconds, onFailure });
  const news = redisUrl === undefined ? null : listenForLeaseRecalls(quota, { redisUrl, onFailure });
  return {
    quota,
    close: async () => {
      news?.close();
      await quota.close();
    },
  };
}

/**
 * Returns what closes the connections on which nothing runs. Node's own way misses two kinds and would wait a minute for
 * them: opened ahead of a request that never came, and kept alive by an answer that began before the shutdown.
 */
function connectionsOf(server: Server): () => void {
  const quiet = new Set<Socket>();
  let draining = false;
  server.on('connection', (socket: Socket) => {
    quiet.add(socket);
    socket.once('close', () => quiet.delete(socket));
  });
  server.on('request', ({ socket }, response) => {
    quiet.delete(socket);
    response.once('close', () => {
      if (draining) socket.end();
      else if (!socket.destroyed) quiet.add(socket);
    });
  });
  return () => {
    draining = true;
    for (const socket of quiet) socket.destroy();
  };
}
