/** What Postgres means by its errors: which to retry, which blame the data, which say that it is away. */

/** Deadlock, serialization failure. */
const RETRYABLE = new Set(['40P01', '40001']);

/** Data exception and integrity violation: the same statement fails again, whoever sends it. */
const DATA_CLASSES = new Set(['22', '23']);

/** The five characters of SQLSTATE, wherever Prisma's driver adapter has wrapped them, or null. */
export function sqlStateOf(error: unknown): string | null {
  let current: unknown = error;
  for (let depth = 0; depth < 6 && current !== null && typeof current === 'object'; depth += 1) {
    const record = current as Record<string, unknown>;
    for (const field of ['originalCode', 'code']) {
      const code = record[field];
      if (typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !/^P[12]\d{3}$/.test(code)) return code;
    }
    current =
      record['cause'] ?? (record['meta'] as Record<string, unknown> | undefined)?.['driverAdapterError'];
  }
  return null;
}

export function isRetryable(error: unknown): boolean {
  return RETRYABLE.has(sqlStateOf(error) ?? '');
}

/** True where the rows themselves are at fault, so that a batch is worth splitting to find the bad one. */
export function isDataFault(error: unknown): boolean {
  return DATA_CLASSES.has((sqlStateOf(error) ?? '').slice(0, 2));
}
