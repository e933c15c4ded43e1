/** Requests out of the routes' own ones, each bent in one to three ways. The same seed gives the same requests. */
import { gzipSync } from 'node:zlib';
import type { Random } from '../../simulation/random.js';
import { ROUTES, type RouteCase } from '../../support/routes.js';
import type { ApiDocument } from './answers.js';
import { bendBody, fieldsOf } from './bodies.js';
import { NASTY_BODIES, NASTY_ENCODED } from './nasty-values.js';
import type { Header, Sent } from './wire.js';

export type FuzzCase = {
  /** As in the document; null where the path is not that of the route any more, or the request is none that HTTP knows. */
  readonly route: string | null;
  /** Whose key it has. */
  readonly caller: string;
  readonly sent: Sent;
  /** How many of it are sent at the same time. */
  readonly copies: number;
};

export type Materials = {
  readonly document: ApiDocument;
  readonly keys: ReadonlyMap<string, string>;
  /** Ids of things that exist. */
  readonly ids: readonly string[];
};

/** Parts of a request while it is bent. */
type Draft = {
  route: string | null;
  caller: string;
  method: string;
  path: string;
  query: string[];
  headers: Header[];
  body: Buffer | null;
  framing: Sent['framing'];
  copies: number;
};

type Bend = (draft: Draft, random: Random, materials: Materials) => void;

export function aRequest(random: Random, materials: Materials): FuzzCase {
  const route = random.pick(ROUTES);
  const draft = draftOf(route, random, materials);
  for (let count = random.int(0, 3); count > 0; count -= 1) random.pick(BENDS)(draft, random, materials);
  return caseOf(draft);
}

/** Bent in ways that leave it a dry run of one of these routes. */
export function aDryRun(random: Random, materials: Materials, routes: readonly RouteCase[]): FuzzCase {
  const draft = draftOf(random.pick(routes), random, materials);
  for (let count = random.int(0, 2); count > 0; count -= 1)
    random.pick([bendHeader, declaredQuery, concurrent, otherKey])(draft, random, materials);
  draft.query = [...draft.query.filter((part) => !part.startsWith('dry_run')), 'dry_run=true'];
  return caseOf(draft);
}

function caseOf({ route, caller, copies, method, path, query, headers, body, framing }: Draft): FuzzCase {
  const target = query.length === 0 ? path : `${path}?${query.join('&')}`;
  return { route, caller, copies, sent: { method, target, headers, body, framing } };
}

function draftOf(route: RouteCase, random: Random, { keys, document, ids }: Materials): Draft {
  const [method = '', url = ''] = route.request.split(' ');
  const [path = '', query = ''] = url.split('?');
  const caller = random.chance(0.7) ? 'admin' : random.pick(['nobody', ...keys.keys()]);
  const fields = fieldsOf(document, route);
  const body = fields === null ? null : bendBody(fields, random, ids);
  const key = keys.get(caller);
  return {
    route: route.route,
    caller,
    method,
    path: random.chance(0.4) ? withIds(path, random, ids) : path,
    query: query === '' ? [] : query.split('&'),
    headers: [
      ...(key === undefined ? [] : [['authorization', `Bearer ${key}`] as const]),
      ...Object.entries(route.headers ?? {}),
      ...(body === null ? [] : [['content-type', 'application/json'] as const]),
    ],
    body: body === null ? null : Buffer.from(body),
    framing: 'length',
    copies: 1,
  };
}

/** Names of examples become ids of things that exist, also of the wrong kind. */
function withIds(path: string, random: Random, ids: readonly string[]): string {
  return path.replaceAll(/[a-z]+_(none|A{22}\.entity1)|conflict_0+\.nobody/g, () =>
    encodeURIComponent(random.pick(ids)),
  );
}

const bendSegment: Bend = (draft, random, { ids }) => {
  const segments = draft.path.split('/');
  const own = segments.flatMap((segment, index) => (/^(v1|admin|)$/.test(segment) ? [] : [index]));
  const index = random.pick(own);
  segments[index] = random.chance(0.7) ? random.pick(NASTY_ENCODED) : encodeURIComponent(random.pick(ids));
  draft.path = segments.join('/');
  draft.route = null;
};

const trickPath: Bend = (draft, random) => {
  const { path } = draft;
  draft.path = random.pick<() => string>([
    () => `${path}/`,
    () => `${path}//`,
    () => path.replace('/', '//'),
    () => path.replace('/v1/', '/v1//'),
    () => path.replace('/v1/', '/v1/../v1/'),
    () => path.replace('/v1/', '/v1/%2e%2e/v1/'),
    () => path.replace('/v1/', '/v1/./'),
    () => path.replace('/v1/', '/V1/'),
    () => path.replace('/v1/', '/v1%2f'),
    () => path.replace('/admin/', '/%61dmin/'),
    () => path.replace(/\/([^/]*)$/, '/%2e%2e/$1'),
    () => `${path}%00`,
    () => `${path};v=1`,
    () => `${path}%3Fdry_run=true`,
    () => `http://tally${path}`,
    () => path.slice(1),
    () => '*',
  ])();
  draft.route = null;
};

const bendQuery: Bend = (draft, random, { ids }) => {
  const names = ['limit', 'after', 'entity', 'start_time', 'end_time', 'period', 'group_by', 'page', 'search', 'dry_run', 'state', 'kind', 'before', 'order', 'sort', 'bucket_width', 'models', 'project_ids', 'model', 'at', 'status', '__proto__', 'constructor', 'limit[]', 'after[id]']; // prettier-ignore
  const value = random.chance(0.4) ? encodeURIComponent(random.pick(ids)) : random.pick(NASTY_ENCODED);
  const part = `${random.pick(names)}=${value}`;
  if (random.chance(0.2)) draft.query.push(part);
  draft.query.push(part);
};

const declaredQuery: Bend = (draft, random, { document, ids }) => {
  const [verb = '', path = ''] = (draft.route ?? '').split(' ');
  const parameters = document.paths[path]?.[verb.toLowerCase()]?.parameters ?? [];
  const known = parameters.filter((parameter) => parameter.in === 'query');
  if (known.length === 0) return;
  const { name, example, schema } = random.pick(known);
  const right = [example, schema?.example, ...(schema?.enum ?? [])].filter(
    (value) => typeof value === 'string',
  );
  const text = random.chance(0.5) && right.length > 0 ? random.pick(right) : null;
  const nasty = random.chance(0.3) ? encodeURIComponent(random.pick(ids)) : random.pick(NASTY_ENCODED);
  draft.query.push(`${name}=${text === null ? nasty : encodeURIComponent(text)}`);
};

const dryRun: Bend = (draft, random) => {
  draft.query = draft.query.filter((part) => !part.startsWith('dry_run'));
  draft.query.push(random.pick(['dry_run=true', 'dry_run=true', 'dry_run=TRUE', 'dry_run=1', 'dry_run']));
};

const bendHeader: Bend = (draft, random, { keys }) => {
  const others = [...keys.values()];
  draft.headers.push(
    random.pick<() => Header>([
      () => ['authorization', `Bearer ${random.pick(others)}`],
      () => ['authorization', 'Basic YTpi'],
      () => ['AUTHORIZATION', `bearer ${random.pick(others)}`],
      () => [
        'openai-organization',
        random.pick(['entity1', 'entity2', 'nobody', '', '{entity1}', 'a,b', 'é']),
      ],
      () => [
        'openai-project',
        random.pick(['entity1/project1', 'entity2/p', 'project1', '/', 'entity1/p/x']),
      ],
      () => ['idempotency-key', random.pick(['k1', 'k2', '', 'x'.repeat(256), 'ключ', 'a\tb', '\u0000'])],
      () => ['if-match', random.pick(['*', '"x"', 'W/"x"', 'x', '""', ', ,'])],
      () => ['if-none-match', random.pick(['*', '"x"', 'W/'])],
      () => ['accept', random.pick(['text/csv', '*/*;q=0', 'x', ',', 'application/json;q=2', 'text/html'])],
      () => ['accept-encoding', random.pick(['gzip', 'br', 'gzip;q=0', '*', 'zstd', ', ,'])],
      () => ['accept-version', '1.x'],
      () => ['x-request-id', random.pick(['abc', 'a b', 'x'.repeat(200), '"', '../x'])],
      () => ['x-forwarded-for', '203.0.113.9, 127.0.0.1'],
      () => ['x-http-method-override', 'DELETE'],
      () => ['x-model', random.pick(['m', 'é', '\u0001', 'x'.repeat(300)])],
      () => ['expect', random.pick(['100-continue', 'nothing'])],
      () => ['upgrade', 'websocket'],
      () => ['connection', 'upgrade'],
      () => ['te', 'trailers'],
      () => ['cookie', 'a=b; '.repeat(200)],
      () => ['host', 'other'],
      () => ['origin', 'https://evil.example'],
      () => ['range', 'bytes=0-1'],
      () => ['ce-id', 'x'],
      () => ['ce-specversion', '1.0'],
      () => ['ce-subject', 'entity2/p'],
      () => ['x-long', 'x'.repeat(random.pick([8_000, 20_000]))],
      () => ['content-length', random.pick(['0', '5', '-1', '+5', '0x10', '99999999999999999999'])],
      () => ['transfer-encoding', random.pick(['chunked', 'gzip, chunked', 'identity', 'xchunked'])],
      () => ['x bad', 'name'],
      () => ['x-null', 'a\u0000b'],
      () => ['x-fold', 'a\r\n b'],
      () => ['x-bare', 'a\nx-injected: 1'],
    ])(),
  );
};

const bendType: Bend = (draft, random) => {
  draft.headers = draft.headers.filter(([name]) => name !== 'content-type');
  draft.headers.push([
    'content-type',
    random.pick([
      'application/json; charset=utf-8',
      'application/json; charset=utf-16',
      'application/json;charset="x"',
      'APPLICATION/JSON',
      'application/cloudevents+json',
      'application/cloudevents-batch+json',
      'application/vnd.api+json',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'multipart/form-data',
      'text/plain',
      'text/csv',
      'application/octet-stream',
      'x',
      '',
      'application/json, text/plain',
      '*/*',
    ]),
  ]);
};

const wholeBody: Bend = (draft, random) => {
  draft.body = random.pick(NASTY_BODIES);
};

const compressed: Bend = (draft, random) => {
  const plain = random.chance(0.3) ? Buffer.alloc(20_000_000) : (draft.body ?? Buffer.from('{}'));
  draft.headers.push(['content-encoding', random.pick(['gzip', 'deflate', 'br', 'identity', 'gzip, gzip'])]);
  draft.body = gzipSync(plain);
};

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT', 'PROPFIND', 'QUERY', 'get', 'FOO']; // prettier-ignore

const otherMethod: Bend = (draft, random) => {
  draft.method = random.pick(METHODS);
  draft.route = null;
};

const concurrent: Bend = (draft, random) => {
  draft.copies = random.int(2, 4);
  draft.headers.push(['idempotency-key', `same-${random.int(1, 400)}`]);
};

const chunked: Bend = (draft) => {
  draft.framing = 'chunked';
};

const otherKey: Bend = (draft, random, { keys }) => {
  draft.caller = random.pick([...keys.keys()]);
  draft.headers = draft.headers.filter(([name]) => name !== 'authorization');
  draft.headers.push(['authorization', `Bearer ${keys.get(draft.caller)}`]);
};

const BENDS: readonly Bend[] = [
  bendSegment,
  trickPath,
  bendQuery,
  declaredQuery,
  declaredQuery,
  declaredQuery,
  dryRun,
  bendHeader,
  bendHeader,
  bendType,
  wholeBody,
  compressed,
  otherMethod,
  concurrent,
  chunked,
  otherKey,
  otherKey,
];
