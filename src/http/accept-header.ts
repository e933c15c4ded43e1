/** What `Accept` allows and prefers (RFC 9110, 12.5.1). */

/** A longer list is read like no header. */
const RANGES_MAX = 64;

/** Whether the caller takes one of the types. */
export function acceptsAny(accept: string, types: readonly string[]): boolean {
  const weights = weightsOf(accept);
  return types.some((type) => weightOf(type, weights) > 0);
}

/** The type that the caller prefers. Without a preference, or if none is accepted, it is the first. */
export function preferredOf<Type extends string>(accept = '', types: readonly [Type, ...Type[]]): Type {
  const weights = weightsOf(accept);
  return types.reduce((best, type) => (weightOf(type, weights) > weightOf(best, weights) ? type : best));
}

type Weights = ReadonlyMap<string, number>;

const ANYTHING: Weights = new Map([['*/*', 1]]);

function weightsOf(accept: string): Weights {
  const ranges = accept.split(',', RANGES_MAX + 1);
  if (accept.trim() === '' || ranges.length > RANGES_MAX) return ANYTHING;
  return new Map(ranges.map(rangeOf));
}

function rangeOf(text: string): [range: string, weight: number] {
  const [range = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? '1';
  return [range, /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(weight) ? Number(weight) : 0];
}

/** The most specific range counts. */
function weightOf(type: string, weights: Weights): number {
  const group = `${type.split('/', 1)[0]}/*`;
  return weights.get(type) ?? weights.get(group) ?? weights.get('*/*') ?? 0;
}
