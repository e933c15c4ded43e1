/** Which of two forms of an answer a caller wants, by the `Accept` header of RFC 9110. */

type Range = { readonly type: string; readonly quality: number };

/** True where HTML is wanted more than JSON. Whoever accepts neither, or says nothing, gets JSON. */
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
