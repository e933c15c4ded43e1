/**
 * Bounds what a request's body may consist of before it is parsed: a few megabytes of tiny members take a hundred times their size in
 * memory and seconds of the event loop. One pass over the bytes, in time linear in them.
 */
import { badRequest } from '../openai-error.js';

/** Members of the object at the top. */
const TOP_MEMBERS_MAX = 1_000;
/** Strings (names included), lists and objects in the whole body. A conversation has about ten a message. Numbers are cheap and not counted. */
const VALUES_MAX = 500_000;
/** Lists and objects inside one another. It also bounds the recursion over the parsed body. */
const NESTING_MAX = 128;
/** Parts of a form. */
const PARTS_MAX = 1_000;

const QUOTE = 0x22;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** Throws an OpenAiError (400) for a body above a bound. Says nothing of whether it is JSON. */
export function checkJsonBounds(bytes: Buffer): void {
  let nesting = 0;
  let topMembers = 0;
  let values = 0;
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index];
    if (byte === QUOTE) {
      values += 1;
      index = stringEnd(bytes, index);
    } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      values += 1;
      nesting += 1;
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) nesting -= 1;
    else if (byte === COLON && nesting === 1) topMembers += 1;
    if (topMembers > TOP_MEMBERS_MAX) throw tooMuch(`more than ${TOP_MEMBERS_MAX} parameters`);
    if (values > VALUES_MAX) throw tooMuch(`more than ${VALUES_MAX} strings, lists and objects`);
    if (nesting > NESTING_MAX) throw tooMuch(`lists and objects nested more than ${NESTING_MAX} deep`);
  }
}

/** Throws an OpenAiError (400). Counts the lines that begin like a part's delimiter, whatever the boundary. */
export function checkFormBounds(bytes: Buffer): void {
  let parts = 0;
  for (let at = bytes.indexOf('\r\n--'); at !== -1; at = bytes.indexOf('\r\n--', at + 4)) {
    parts += 1;
    if (parts > PARTS_MAX) throw tooMuch(`more than ${PARTS_MAX} parts`);
  }
}

/** The index of the quote that ends the string, or one behind the last byte. */
function stringEnd(bytes: Buffer, start: number): number {
  let index = start + 1;
  while (index < bytes.length && bytes[index] !== QUOTE) index += bytes[index] === BACKSLASH ? 2 : 1;
  return index;
}

function tooMuch(what: string) {
  return badRequest(`The request body has ${what}`, { code: 'request_too_complex' });
}
