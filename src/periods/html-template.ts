/** HTML from template strings. Every value is escaped, unless it is HTML that was made here. */

export class Html {
  constructor(readonly text: string) {}
}

type Part = string | number | null | Html | readonly Html[];

/** `` html`<p>${name}</p>` ``; null prints nothing. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  const printed = strings.map((string, index) => string + printedPart(parts[index]));
  return new Html(printed.join(''));
}

function printedPart(part: Part | undefined): string {
  if (part === null || part === undefined) return '';
  if (part instanceof Html) return part.text;
  if (typeof part === 'object') return part.map(({ text }) => text).join('');
  return escapeHtml(String(part));
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? '');
}
