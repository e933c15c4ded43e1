/**
 * What producers sent, fit to be echoed. JavaScript's JSON writes a lone half of a surrogate pair as an escape, which strict readers
 * of JSON refuse together with all that stands around it.
 */

/** Unprintable, or telling of where text ends in another language. */
const CONTROL = /[\p{Cc}\u2028\u2029]/gu;

/** The value with every text of it well-formed, names of fields included. Bounded by what a payload may nest. */
export function wellFormed<T>(value: T): T {
  return mended(value) as T;
}

function mended(value: unknown): unknown {
  if (typeof value === 'string') return value.isWellFormed() ? value : value.toWellFormed();
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(mended);
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name.toWellFormed(), mended(inner)]),
  );
}

/** One line of text that names what a producer sent: well-formed, without control characters, and not longer than `lengthMax`. */
export function readable(text: string, lengthMax: number): string {
  const line = text.slice(0, lengthMax).toWellFormed().replaceAll(CONTROL, '\ufffd');
  return text.length > lengthMax ? `${line}…` : line;
}
