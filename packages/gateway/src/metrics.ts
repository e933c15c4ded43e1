/** The gateway's metrics for Prometheus, on a port of their own that callers need not reach. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Counter, Gauge, Registry } from 'prom-client';
import type { LeasedQuota } from '@tally/client';
import { NANOS_PER_USD } from '@tally/client/protocol';

export interface Measured {
  /** How full the outbox is, from 0 to 1. */
  readonly reporter: { fillRatio(): number };
  readonly leases: Pick<LeasedQuota, 'figures'> | null;
}

export interface MetricsServer {
  readonly url: string;
  close(): void;
}

export async function serveMetrics(
  { host, port }: { host: string; port: number },
  measured: Measured,
): Promise<MetricsServer> {
  const registry = registryOf(measured);
  const server = createServer((_request, response) => {
    void registry.metrics().then(
      (text) => response.setHeader('content-type', registry.contentType).end(text),
      () => response.writeHead(500).end(),
    );
  });
  await listening(server, { host, port });
  // Listens on a port, so the address is neither a path nor null.
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `http://${host}:${bound}/metrics`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function listening(server: Server, at: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(at, resolve);
  });
}

function registryOf({ reporter, leases }: Measured): Registry {
  const registry = new Registry();
  const fill = new Gauge({
    name: 'tally_gateway_outbox_fill',
    help: 'How full the outbox is, from 0 to 1: above 0.9 requests are refused.',
    registers: [],
    collect() {
      this.set(reporter.fillRatio());
    },
  });
  const metrics = leases === null ? [fill] : [fill, ...metricsOf(leases)];
  for (const metric of metrics) registry.registerMetric(metric);
  return registry;
}

function metricsOf(leases: Pick<LeasedQuota, 'figures'>): (Counter | Gauge)[] {
  const decisions = new Counter({
    name: 'tally_gateway_decisions_total',
    help: 'Requests that were admitted here on a slice (local), or left to Tally (central).',
    labelNames: ['decided'],
    registers: [],
    collect() {
      const { localCount, centralCount } = leases.figures;
      this.reset();
      this.inc({ decided: 'local' }, localCount);
      this.inc({ decided: 'central' }, centralCount);
    },
  });
  const amounts = new Gauge({
    name: 'tally_gateway_leases_usd',
    help: 'US dollars in all slices here: free, or held by requests until Tally holds for them.',
    labelNames: ['part'],
    registers: [],
    collect() {
      const { freeNanos, heldNanos } = leases.figures;
      this.set({ part: 'free' }, freeNanos / NANOS_PER_USD);
      this.set({ part: 'held' }, heldNanos / NANOS_PER_USD);
    },
  });
  const count = new Gauge({
    name: 'tally_gateway_leases',
    help: 'Projects that have a slice here.',
    registers: [],
    collect() {
      this.set(leases.figures.leaseCount);
    },
  });
  return [decisions, amounts, count];
}
