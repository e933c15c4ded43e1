/** What is known of the terminal, and how text is made safe and coloured for it. */

export type Terminal = {
  /** Columns that a line may have; infinite where the output is no terminal and `COLUMNS` is not set. */
  readonly width: number;
  readonly isColoured: boolean;
};

export type Tone = 'bold' | 'dim' | 'red' | 'green' | 'yellow';

const CODES: Readonly<Record<Tone, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
};

const WIDTH_MIN = 20;

type Stream = { readonly isTTY?: boolean; readonly columns?: number };
type Environment = Readonly<Record<string, string | undefined>>;

/** Only a terminal that can show colour gets it; `NO_COLOR` (any value that is not empty) turns it off. */
export function terminalOf(stream: Stream, environment: Environment): Terminal {
  const isTerminal = stream.isTTY === true;
  const named = /^\d{1,4}$/.test(environment['COLUMNS'] ?? '') ? Number(environment['COLUMNS']) : null;
  const width = isTerminal ? stream.columns || named || 80 : (named ?? Infinity);
  const isColoured =
    isTerminal && (environment['NO_COLOR'] ?? '') === '' && (environment['TERM'] ?? '') !== 'dumb';
  return { width: Math.max(width, WIDTH_MIN), isColoured };
}

export function painted(text: string, tone: Tone | null, { isColoured }: Terminal): string {
  if (tone === null || !isColoured || text === '') return text;
  const [on, off] = CODES[tone];
  return `\u001B[${on}m${text}\u001B[${off}m`;
}

/** Control characters, and those that reorder a line: a name or a note must not steer the terminal. */
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069\uFEFF]/gu;

/** One line that shows as it is written; what is unsafe shows as its number. */
export function safe(text: string): string {
  return text.replace(UNSAFE, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}
