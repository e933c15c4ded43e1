/** What `Accept` allows (RFC 9110, 12.5.1). */

/** Longer lists are taken as whatever there is, like no header. */
const RANGES_MAX = 64;

export function acceptsAny(accept: string, types: readonly string[]): boolean {
  const ranges = accept.split(',', RANGES_MAX + 1);
  if (accept.trim() === '' || ranges.length > RANGES_MAX) return true;
  const weights = new Map(ranges.map(rangeOf));
  return types.some((type) => weightOf(type, weights) > 0);
}

function rangeOf(text: string): [range: string, weight: number] {
  const [range = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
  return [range, weight === undefined ? 1 : Number(weight)];
}

/** The most specific range counts. */
function weightOf(type: string, weights: ReadonlyMap<string, number>): number {
  const group = `${type.split('/', 1)[0]}/*`;
  return weights.get(type) ?? weights.get(group) ?? weights.get('*/*') ?? 0;
}
