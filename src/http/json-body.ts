/**
 * Bytes → JSON value. Refuses bad UTF-8 and deep nesting, so that no other code has to. A `__proto__` becomes a property like any
 * other, as JSON.parse makes it, which changes nothing that is inherited; schemas refuse it as the unknown field that it is. To take
 * it out would cost a walk through all of the body, which is what an attacker wants.
 */
import { isAscii } from 'node:buffer';
import { TallyError } from '../domain/errors.js';

/** Room for 1,000 usage events of 4 KB. */
export const BODY_BYTES_MAX = 4 * 1024 * 1024;

/** No body of the API is deeper than a dozen levels, and no recursion over a body needs another bound. */
const NESTING_MAX = 64;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** An empty body is undefined: some clients send a content type with every POST. */
export function parseJsonBody(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  try {
    const text = isAscii(bytes) ? bytes.toString('latin1') : utf8.decode(bytes);
    if (mayBeDeep(text) && nestingOf(text) > NESTING_MAX)
      throw malformed(`must not be nested deeper than ${NESTING_MAX} levels`);
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (error instanceof TallyError) throw error;
    throw malformed('is not valid JSON in UTF-8');
  }
}

/** False for the usual body, which opens few braces, without a look at each of its characters. */
function mayBeDeep(text: string): boolean {
  let count = 0;
  for (const opening of ['{', '['])
    for (let at = text.indexOf(opening); at !== -1; at = text.indexOf(opening, at + 1))
      if ((count += 1) > NESTING_MAX) return true;
  return false;
}

function nestingOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let at = 0; at < text.length; at += 1) {
    const char = text.charCodeAt(at);
    if (inString) {
      if (char === BACKSLASH) at += 1;
      else if (char === QUOTE) inString = false;
    } else if (char === QUOTE) inString = true;
    else if (char === OPEN_BRACE || char === OPEN_BRACKET) deepest = Math.max(deepest, (depth += 1));
    else if (char === CLOSE_BRACE || char === CLOSE_BRACKET) depth -= 1;
  }
  return deepest;
}

const [QUOTE, BACKSLASH, OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = [34, 92, 123, 125, 91, 93];

function malformed(what: string): TallyError {
  return new TallyError('invalid_request', `The request body ${what}`);
}
