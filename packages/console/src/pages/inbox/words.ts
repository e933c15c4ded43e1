/** Reasons of dead letters in words. */
const WORDS: Readonly<Record<string, string>> = {
  invalid_event: 'not a usage event',
  unknown_type: 'of an unknown type',
  invalid_subject: 'without a valid subject',
  invalid_tokens: 'with unreadable counts',
  time_out_of_range: 'too old or in the future',
};

export const CODES = Object.keys(WORDS);

export function codeWords(code: string): string {
  return WORDS[code] ?? code;
}
