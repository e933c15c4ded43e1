/** One JSON line an event, on standard output. No secrets, no request bodies. */
import type { LoggerService } from '@nestjs/common';
import { pino } from 'pino';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type LogFields = Readonly<Record<string, unknown>>;

export class Logger {
  private readonly lines;

  constructor(level: LogLevel = 'info') {
    this.lines = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime });
  }

  /** From here on, lines below the level are not written. */
  setLevel(level: LogLevel): void {
    this.lines.level = level;
  }

  /** Whether lines of the level are written. */
  writes(level: LogLevel): boolean {
    return this.lines.isLevelEnabled(level);
  }

  info(event: string, fields: LogFields = {}): void {
    this.lines.info(fields, event);
  }

  warn(event: string, fields: LogFields = {}): void {
    this.lines.warn(fields, event);
  }

  /** `err` gets the error's stack; what was sent to us is never part of it. */
  error(event: string, error: unknown, fields: LogFields = {}): void {
    this.lines.error({ ...fields, err: error instanceof Error ? error : new Error(String(error)) }, event);
  }
}

/** Nest tells its own start-up through this; its chatter of every mapped route is left out. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(): void {}

  warn(message: unknown, context?: unknown): void {
    this.logger.warn(String(message), { context });
  }

  error(message: unknown, ...details: unknown[]): void {
    this.logger.error('framework', message, { details });
  }
}
