/** Calls the API with this tab's key. The key is kept in sessionStorage and sent in a header, never in an address. */

const KEY = 'tally.key';
const PAGES_MAX = 20;

const TIMEOUT_MS = 30_000;

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export function storedKey() {
  return sessionStorage.getItem(KEY);
}

export function storeKey(key) {
  sessionStorage.setItem(KEY, key);
}

export function removeKey() {
  sessionStorage.removeItem(KEY);
}

export async function ask(path, query = {}) {
  const response = await send(path, query);
  return response.json();
}

export async function askBlob(path, query = {}, type = '*/*') {
  const response = await send(path, query, type);
  return response.blob();
}

/** The entities that the key may see: at most 2,000, which a select box can hold. */
export async function askEntities() {
  const entities = [];
  let after;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const { data, has_more: hasMore, last_id: lastId } = await ask('/v1/entities', { limit: 100, after });
    entities.push(...data.map(({ entity }) => entity));
    if (!hasMore) break;
    after = lastId;
  }
  return entities;
}

async function send(path, query, type = 'application/json') {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined);
  const parameters = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
  const response = await reach(given.length === 0 ? path : `${path}?${parameters}`, type);
  if (response.ok) return response;
  const body = await response.json().catch(() => null);
  throw new ApiError(response.status, body?.error?.message ?? `The server answered ${response.status}.`);
}

async function reach(url, type) {
  try {
    return await fetch(url, {
      headers: { authorization: `Bearer ${storedKey()}`, accept: type },
      signal: AbortSignal.timeout(TIMEOUT_MS),
      cache: 'no-store',
    });
  } catch (error) {
    const late = error instanceof DOMException && error.name === 'TimeoutError';
    throw new ApiError(0, late ? 'The server took too long to answer.' : 'The server cannot be reached.');
  }
}
