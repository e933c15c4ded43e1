/** What the address holds of a page: each parameter is read by its own rule, and what does not fit is left out. */

type Reader<T> = (value: string) => T | undefined;

/** `address({ search: text(128), state: oneOf(STATES) })` is a route's `validateSearch`. */
export function address<R extends Record<string, Reader<unknown>>>(readers: R) {
  type Search = { [K in keyof R]?: Exclude<ReturnType<R[K]>, undefined> };
  return (search: Record<string, unknown>): Search =>
    Object.fromEntries(
      Object.entries(readers).flatMap(([name, read]) => {
        const given = search[name];
        const value = typeof given === 'string' && given !== '' ? read(given) : undefined;
        return value === undefined ? [] : [[name, value]];
      }),
    ) as Search;
}

export function text(lengthMax = 256): Reader<string> {
  return (value) => value.slice(0, lengthMax);
}

export function oneOf<T extends string>(values: readonly T[]): Reader<T> {
  return (value) => values.find((known) => known === value);
}

/** `2026-11` */
export function month(): Reader<string> {
  return (value) => (/^20\d\d-(0[1-9]|1[0-2])$/.test(value) ? value : undefined);
}

/** `2026-11-21` */
export function day(): Reader<string> {
  return (value) =>
    /^20\d\d-\d\d-\d\d$/.test(value) && new Date(`${value}T00:00:00Z`).toISOString().startsWith(value)
      ? value
      : undefined;
}

/** `?id=a,b` */
export function list(): Reader<readonly string[]> {
  return (value) => value.split(',').filter((each) => each !== '');
}

/** Writes every parameter as plain text: `?search=12` is the text 12, not a number. */
export function writeSearch(search: Record<string, unknown>): string {
  const given = Object.entries(search).filter(
    ([, value]) => value !== undefined && value !== null && value !== '',
  );
  if (given.length === 0) return '';
  return `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
}

export function readSearch(text: string): Record<string, unknown> {
  return Object.fromEntries(new URLSearchParams(text));
}
