/** One JSON line an event, on standard output. No secrets, no request bodies. */
import type { LoggerService } from '@nestjs/common';
import { pino } from 'pino';

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type LogFields = Readonly<Record<string, unknown>>;

/** Which process wrote a line: many of them write into one log. */
export type Identity = {
  readonly process: string;
  /** Null until the environment is read. */
  readonly role: string | null;
  readonly instance: string;
};

export class Logger {
  private lines;

  constructor(level: LogLevel = 'info', identity: Identity | null = null) {
    this.lines = linesOf(level, identity);
  }

  /** Stands in every line from here on. */
  setIdentity(identity: Identity): void {
    this.lines = linesOf(this.lines.level, identity);
  }

  /** From here on, lines below the level are not written. */
  setLevel(level: LogLevel): void {
    this.lines.level = level;
  }

  /** Whether lines of the level are written. */
  writes(level: LogLevel): boolean {
    return this.lines.isLevelEnabled(level);
  }

  /** What a library or Node printed, at the level that it had there. */
  printed(level: 'debug' | 'info' | 'warn' | 'error', text: string): void {
    this.lines[level]({ text }, 'printed');
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

function linesOf(level: string, identity: Identity | null) {
  return pino({ level, base: identity, timestamp: pino.stdTimeFunctions.isoTime });
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
