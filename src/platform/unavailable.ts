/** What a caller may retry, because a server that we depend on is unavailable, as opposed to a mistake of ours. */

const NAMES = { postgres: 'Postgres', redis: 'Redis' } as const;

export type Server = keyof typeof NAMES;

/**
 * Postgres or Redis does not answer, refuses us, or has no room for us. Thrown where the server is asked, by what the call shows:
 * postgres-errors.ts and redis-errors.ts decide. It has no `code`, by which Prisma would take it for an error of its own.
 */
export class Unavailable extends Error {
  /** For an operator, in the words of whatever failed. */
  readonly reason: string;

  constructor(
    readonly server: Server,
    cause: unknown,
  ) {
    const reason = cause instanceof Error ? cause.message || cause.name : String(cause);
    super(`${NAMES[server]} is unavailable: ${reason}`, { cause });
    this.name = 'Unavailable';
    this.reason = reason;
  }
}

/** Without a server, either of them. */
export function isUnavailable(error: unknown, server?: Server): error is Unavailable {
  return error instanceof Unavailable && (server === undefined || error.server === server);
}
