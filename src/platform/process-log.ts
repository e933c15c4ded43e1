/** What libraries and Node itself would print becomes lines of the log as well: one JSON object each, never a raw stack. */
import { format } from 'node:util';
import type { Logger } from './logger.js';

const LEVELS = [
  ['debug', 'debug'],
  ['trace', 'debug'],
  ['log', 'info'],
  ['info', 'info'],
  ['warn', 'warn'],
  ['error', 'error'],
] as const;

export function logWhatIsPrinted(logger: Logger): void {
  for (const [name, level] of LEVELS)
    console[name] = (...values: unknown[]) => logger.printed(level, format(...values));
  // The listener that Node brings prints.
  process.removeAllListeners('warning');
  process.on('warning', (warning: Error & { code?: string }) =>
    logger.warn('warning', { code: warning.code, text: String(warning) }),
  );
  // The process may be in any state. Its supervisor restarts it, and jobs in flight run again.
  process.on('uncaughtException', (error, origin) => {
    logger.error('ended by an error that nobody caught', error, { origin });
    process.exit(1);
  });
}
