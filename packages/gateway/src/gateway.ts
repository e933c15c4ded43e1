/** Starts the gateway's parts, and stops them in an order in which nothing is lost. */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import { httpReporter, LeasedQuota, TallyClient, type OutboxOptions } from '@tally/client';
import { listenForLeaseRecalls } from '@tally/client/lease-recalls';
import { queueReporter } from '@tally/client/queue';
import { CannedModel } from './canned-model.js';
import { CallerKeys } from './caller-keys.js';
import type { GatewayConfig } from './config.js';
import { KeyIntrospection } from './key-introspection.js';
import { Metering } from './metering.js';
import { serveMetrics } from './metrics.js';
import { Proxy } from './proxy/proxy.js';
import { Upstreams, type UpstreamPlan } from './proxy/upstreams.js';
import { buildServer } from './server.js';

export interface Gateway {
  readonly url: string;
  /** Null where GATEWAY_METRICS_PORT is unset. */
  readonly metricsUrl: string | null;
  /** Lets answers in flight finish, then delivers their usage events. */
  close(): Promise<void>;
}

export interface GatewayDeps {
  readonly logger: Logger;
  readonly now: () => Date;
  readonly model?: CannedModel;
  readonly holdTtlSeconds?: number;
  /** After this time, streams in flight are cut and charged for what was generated. */
  readonly drainMs?: number;
}

const SETTLE_MS_MAX = 1000;

export async function startGateway(config: GatewayConfig, deps: GatewayDeps): Promise<Gateway> {
  const { logger, now, holdTtlSeconds = 900, drainMs = config.drainMs } = deps;
  const keys = keysOf(config, deps);
  const model =
    deps.model ?? new CannedModel({ capacity: config.modelCapacity, delayMs: config.modelDelayMs });
  const tally = new TallyClient({ baseUrl: config.tallyUrl, apiKey: config.tallyApiKey });
  const { gatewayId, host, metricsPort, queueRedisUrl, redisPrefix, outboxDir } = config;
  const outbox: OutboxOptions = {
    ...(outboxDir !== undefined && { directory: outboxDir }),
    onFailure: (error) => logger.warn({ err: error }, 'usage events not delivered yet'),
    onRefused: (event, error) => logger.error({ err: error, event }, 'usage event lost'),
  };
  const reporter = await (queueRedisUrl === undefined
    ? httpReporter(tally, outbox)
    : queueReporter({ redisUrl: queueRedisUrl, prefix: redisPrefix, ...outbox }));
  const leases = config.leases ? leasesOf(tally, config, { logger, holdTtlSeconds }) : null;
  const metering = new Metering({
    quota: leases?.quota ?? tally,
    reporter,
    gatewayId,
    holdTtlSeconds,
    now,
    logger,
  });
  const proxy = config.upstreams === null ? null : proxyOf(config.upstreams, { config, metering, logger });
  const server = buildServer({ config, keys, model, proxy, metering, now, logger });
  const closeIdleConnections = connectionsOf(server.server);
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
      closeIdleConnections();
      await closed;
      clearTimeout(cut);
      keys.close();
      // What runs on for a caller that hung up.
      proxy?.stop();
      // Streams that were just cut need a moment to be reported. An answer whose caller hung up gets no more time than that.
      const timer = new AbortController();
      const late = wait(SETTLE_MS_MAX, undefined, { signal: timer.signal }).catch(() => {});
      await Promise.race([metering.settled(), late]);
      timer.abort();
      await proxy?.close();
      await leases?.close();
      await reporter.close();
      metrics?.close();
    },
  };
}

function keysOf(config: GatewayConfig, { logger, now }: GatewayDeps): CallerKeys {
  const { callerKeys: listed, callerKeysFile: file, callerKeysUrl: url, callerKeysUrlKey: key } = config;
  const introspection = url === undefined ? null : new KeyIntrospection({ url, key, logger, now });
  return new CallerKeys({ listed, file, introspection, logger });
}

function proxyOf(
  plan: UpstreamPlan,
  { config, metering, logger }: { config: GatewayConfig; metering: Metering; logger: Logger },
): Proxy {
  const { upstreamSilentMsMax: silentMsMax, bodyBytesMax, stopsWithCaller, chargesCutStreams } = config;
  const upstreams = new Upstreams(plan, { silentMsMax });
  return new Proxy({ upstreams, metering, logger, bodyBytesMax, stopsWithCaller, chargesCutStreams });
}

/** Without REDIS_URL a recall is not heard, and a lowered limit is known with the next renewal. */
function leasesOf(
  tally: TallyClient,
  { redisUrl, redisPrefix: prefix }: GatewayConfig,
  { logger, holdTtlSeconds }: { logger: Logger; holdTtlSeconds: number },
): { quota: LeasedQuota; close(): Promise<void> } {
  const onFailure = (error: unknown) =>
    logger.warn({ err: error }, 'leases not renewed, or recalls not heard');
  const quota = new LeasedQuota({ tally, requestSeconds: holdTtlSeconds, onFailure });
  const recalls =
    redisUrl === undefined ? null : listenForLeaseRecalls(quota, { redisUrl, prefix, onFailure });
  return {
    quota,
    close: async () => {
      recalls?.close();
      await quota.close();
    },
  };
}

/**
 * Returns a function that closes idle connections. Node's own `closeIdleConnections` misses two kinds and would wait a minute for
 * them: connections on which no request has come yet, and those that an answer from before the shutdown keeps alive.
 */
function connectionsOf(server: Server): () => void {
  const idle = new Set<Socket>();
  let draining = false;
  server.on('connection', (socket: Socket) => {
    idle.add(socket);
    socket.once('close', () => idle.delete(socket));
  });
  server.on('request', ({ socket }, response) => {
    idle.delete(socket);
    response.once('close', () => {
      if (draining) socket.end();
      else if (!socket.destroyed) idle.add(socket);
    });
  });
  return () => {
    draining = true;
    for (const socket of idle) socket.destroy();
  };
}
