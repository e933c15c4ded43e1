/** What libraries and Node itself would print becomes lines of the log as well: one JSON object each, never a raw stack. */
import { format } from 'node:util';
import type { Logger } from './logger.js';

export function logWhatIsPrinted(logger: Logger): void {
  for (const name of ['debug', 'log', 'info', 'warn', 'error', 'trace'] as const) {
    console[name] = (...values: unknown[]) => logger.warn('printed', { text: format(...values) });
  }
  // The listener that Node brings prints.
  process.removeAllListeners('warning');
  process.on('warning', (warning) => logger.warn('warning', { text: String(warning) }));
  // The process may be in any state. Its supervisor restarts it, and jobs in flight run again.
  process.on('uncaughtException', (error, origin) => {
    logger.error('ended by an error that nobody caught', error, { origin });
    process.exit(1);
  });
}
