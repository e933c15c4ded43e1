/**
 * What producers sent, fit to be echoed. JavaScript's JSON writes a lone half of a surrogate pair as an escape, which strict readers
 * of JSON refuse together with all that stands around it.
 */

/** Unprintable, or telling of where text ends in another language. */
const CONTROL = /[\p{Cc}\u2028\u2029]/gu;

/** JSON as `JSON.stringify` writes it, where only lone surrogates are escaped so. An escaped backslash before one is not part of it. */
export function wellFormedJson(json: string): string {
  return json.replaceAll(/\\\\|\\ud[89a-f][0-9a-f]{2}/g, (escape) =>
    escape === '\\\\' ? escape : '\\ufffd',
  );
}

/** One line of text that names what a producer sent: well-formed, without control characters, and not longer than `lengthMax`. */
export function readable(text: string, lengthMax: number): string {
  const line = text.slice(0, lengthMax).toWellFormed().replaceAll(CONTROL, '\ufffd');
  return text.length > lengthMax ? `${line}…` : line;
}
