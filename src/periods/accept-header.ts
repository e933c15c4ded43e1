/** Chooses JSON or HTML by the `Accept` header (RFC 9110). */

type Range = { readonly type: string; readonly quality: number };

/** True if the caller prefers HTML to JSON. Without a preference, or if neither is accepted, the answer is JSON. */
export function prefersHtml(accept: string | undefined): boolean {
  const ranges = (accept ?? '*/*').split(',').map(readRange);
  return qualityOf(ranges, 'text/html') > qualityOf(ranges, 'application/json');
}

function readRange(text: string): Range {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? '1';
  return { type, quality: /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(weight) ? Number(weight) : 0 };
}

/** The most specific range that covers the type decides. */
function qualityOf(ranges: readonly Range[], type: string): number {
  const wider = [type, `${type.split('/')[0]}/*`, '*/*'];
  for (const candidate of wider) {
    const found = ranges.find((range) => range.type === candidate);
    if (found !== undefined) return found.quality;
  }
  return 0;
}
