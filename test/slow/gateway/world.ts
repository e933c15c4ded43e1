/** A model server, the gateway and the real service, for programs of others that call the gateway; and these programs. */
import { join } from 'node:path';
import { Clock } from '../../../src/platform/clock.js';
import { anApp, type TestApp } from '../../support/app.js';
import { aGateway, CALLER_KEY, type TestGateway } from '../../support/gateway.js';
import { aModelServer, json, type ModelServer } from '../../support/model-server.js';
import { until } from '../../support/until.js';
import { npmPackages } from '../document/programs.js';

export const ENTITY = 'customer';

export type GatewayWorld = {
  readonly app: TestApp;
  readonly model: ModelServer;
  readonly gateway: TestGateway;
  /** The quantities of all events, once there are so many and nothing is held. */
  counted(count: number): Promise<object[]>;
  close(): Promise<void>;
};

export async function aGatewayWorld(): Promise<GatewayWorld> {
  const app = await anApp({ role: 'all', clock: new Clock() });
  await app.call(`PUT /v1/admin/entities/${ENTITY}`, { body: { plan: 'free' } });
  await app.call(`POST /v1/admin/entities/${ENTITY}/credits`, { body: { amount_usd: '50' } });
  const model = await aModelServer(json({}));
  const gateway = await aGateway(
    { url: app.url, apiKey: await app.key('gateway') },
    { env: { GATEWAY_UPSTREAM_URL: model.url, GATEWAY_KEYS: `${CALLER_KEY}:${ENTITY}` } },
  );
  return {
    app,
    model,
    gateway,
    async counted(count) {
      let events: { quantities: object }[] = [];
      await until(`${count} are counted and nothing is held`, async () => {
        events = (await app.call(`GET /v1/entities/${ENTITY}/events?limit=100`)).body.data;
        const { body } = await app.call(`GET /v1/entities/${ENTITY}/balance`);
        return events.length >= count && body.held_usd === '0';
      });
      return events.map(({ quantities }) => quantities);
    },
    async close() {
      await gateway.close();
      await model.close();
      await app.close();
    },
  };
}

/** The directory in which `npm/package.json` is installed. */
export function programs(): Promise<string> {
  return npmPackages({ name: 'gateway-npm', directory: join(import.meta.dirname, 'npm') });
}
