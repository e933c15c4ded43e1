/** Reads GATEWAY_UPSTREAM_URL and GATEWAY_UPSTREAM_KEY: one of each, or `model=url` and `model=key` pairs. */
import type { UpstreamPlace, UpstreamPlan } from './upstreams.js';

/** Throws an Error that says what is wrong with the URLs. */
export function parseUrls(list: string): { one: string } | { byModel: ReadonlyMap<string, string> } {
  const parts = list.split(',').map((part) => part.trim());
  const [first = ''] = parts;
  if (parts.length === 1 && isUrl(first)) return { one: first };
  return { byModel: pairsOf(parts, (url) => isUrl(url)) };
}

/** Throws an Error that says what is wrong with the keys, without repeating one. A key may have equals signs. */
export function planOf(urls: ReturnType<typeof parseUrls>, keys: string | undefined): UpstreamPlan {
  if ('one' in urls) return { kind: 'one', place: { url: urls.one, key: keys ?? null } };
  const keyOf = keysOf(keys, urls.byModel);
  const places = [...urls.byModel].map(([model, url]): [string, UpstreamPlace] => [
    model,
    { url, key: keyOf(model) },
  ]);
  return { kind: 'by model', places: new Map(places) };
}

function keysOf(
  keys: string | undefined,
  urls: ReadonlyMap<string, string>,
): (model: string) => string | null {
  if (keys === undefined) return () => null;
  const parts = keys.split(',').map((part) => part.trim());
  const isPairs = parts.some((part) => urls.has(part.slice(0, part.indexOf('='))));
  if (!isPairs) return () => keys;
  const pairs = pairsOf(parts, (key) => key !== '' && !/\s/.test(key));
  if ([...pairs.keys()].some((model) => !urls.has(model)))
    throw new Error('names a model that GATEWAY_UPSTREAM_URL does not name');
  return (model) => pairs.get(model) ?? null;
}

function pairsOf(parts: readonly string[], isRight: (value: string) => boolean): Map<string, string> {
  const pairs = parts.map((part): [string, string] => {
    const at = part.indexOf('=');
    return [part.slice(0, Math.max(0, at)).trim(), part.slice(at + 1).trim()];
  });
  if (!pairs.every(([model, value]) => model !== '' && isRight(value)))
    throw new Error('must be one for all models, or model=… pairs, comma separated');
  const byModel = new Map(pairs);
  if (byModel.size !== pairs.length) throw new Error('names a model twice');
  return byModel;
}

/** With nothing behind the path, which the gateway completes. */
function isUrl(text: string): boolean {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) return false;
  const { username, password, search, hash } = new URL(text);
  return [username, password, search, hash].every((part) => part === '');
}
