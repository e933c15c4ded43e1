/** What the operating system calls an error, such as `EEXIST`. */

/** Undefined for an error without a code. Asks the object and not its class, which differs between Node's contexts. */
export function errnoOf(error: unknown): unknown {
  return error !== null && typeof error === 'object' && 'code' in error ? error.code : undefined;
}
