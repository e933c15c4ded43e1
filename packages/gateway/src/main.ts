/** `npm run gateway`: starts the gateway, and stops it on a signal. */
import { pino } from 'pino';
import { TallyClientError } from '@tally/client';
import { ConfigError, loadConfig } from './config.js';
import { startGateway } from './gateway.js';

try {
  const config = loadConfig();
  const logger = pino();
  const gateway = await startGateway(config, { logger, now: () => new Date() });
  const { gatewayId, tallyUrl } = config;
  const { url, metricsUrl } = gateway;
  const reporting = config.queueRedisUrl === undefined ? 'http' : 'queue';
  const upstream = config.upstreams === null ? 'canned model' : config.upstreams.kind;
  const facts = { url, upstream, metrics: metricsUrl, tally: tallyUrl, reporting, gateway_id: gatewayId };
  logger.info(facts, 'gateway listens');
  if (config.hasDefaultKey)
    logger.warn(
      { key: [...config.callerKeys.keys()], host: config.host },
      'GATEWAY_KEYS is not set: everybody who reaches this gateway may use the default key',
    );
  const stop = (signal: NodeJS.Signals) => {
    logger.info({ signal }, 'gateway stops');
    void gateway.close().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error({ err: error }, 'gateway did not stop cleanly');
        process.exit(1);
      },
    );
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
} catch (error) {
  const isKnown = error instanceof ConfigError || error instanceof TallyClientError;
  console.error(isKnown ? error.message : error);
  process.exit(1);
}
