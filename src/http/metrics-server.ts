/** `/metrics` on a port of its own, without a key: for a scraper inside the network, which no caller of the API reaches. */
import { createServer, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Logger } from '../platform/logger.js';
import { Metrics } from '../platform/metrics.js';

/** Where it listens; a port of null opens none. */
export const METRICS_ADDRESS = Symbol('metrics address');
export type MetricsAddress = { readonly port: number | null; readonly host: string };

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

const CONNECTIONS_MAX = 64;
const REQUEST_MS_MAX = 10_000;

@Injectable()
export class MetricsServer implements OnApplicationBootstrap, OnApplicationShutdown {
  private server: Server | null = null;
  /** Requests that come while a text is made share it. */
  private making: Promise<string> | null = null;

  constructor(
    @Inject(METRICS_ADDRESS) private readonly address: MetricsAddress,
    private readonly metrics: Metrics,
    private readonly logger: Logger,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { port, host } = this.address;
    if (port === null) return;
    const server = createServer({ requestTimeout: REQUEST_MS_MAX }, (request, response) => {
      const path = request.url?.split('?', 1)[0];
      if (path !== '/metrics') return plain(response, 404, 'Only /metrics is here\n');
      if (request.method !== 'GET' && request.method !== 'HEAD')
        return plain(response.setHeader('allow', 'GET, HEAD'), 405, 'GET /metrics\n');
      void this.answer(response);
    });
    server.maxConnections = CONNECTIONS_MAX;
    server.listen(port, host);
    await once(server, 'listening');
    this.server = server;
    this.logger.info('metrics are served', { host, port });
  }

  async onApplicationShutdown(): Promise<void> {
    this.server?.close();
    this.server?.closeAllConnections();
  }

  /** The text, made once for all who ask meanwhile. */
  text(): Promise<string> {
    this.making ??= this.metrics.text().finally(() => (this.making = null));
    return this.making;
  }

  private async answer(response: ServerResponse): Promise<void> {
    try {
      const text = await this.text();
      response.writeHead(200, { 'content-type': METRICS_TYPE, 'cache-control': 'no-store' }).end(text);
    } catch (error) {
      this.logger.error('metrics could not be read', error);
      plain(response, 500, 'The metrics could not be read\n');
    }
  }
}

function plain(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text);
}
