/** All requests that a caller can make about a customer: every route, with every way to name one in the headers. */
import type { Answer, TestApp } from './app.js';
import type { Credentials } from './credentials.js';
import type { RouteCase } from './routes.js';
import { routesOf, type Target } from './whole-customer-routes.js';

const AT_ONCE = 8;

/** Whose name the headers have: the target's, or the caller's own. */
type Naming = {
  readonly organization: 'none' | 'target' | 'own';
  readonly project: 'none' | 'target' | 'own';
};

const NAMINGS: readonly Naming[] = [
  { organization: 'none', project: 'none' },
  { organization: 'target', project: 'target' },
  { organization: 'own', project: 'own' },
  { organization: 'target', project: 'own' },
  { organization: 'own', project: 'target' },
];
/** The other routes read neither. */
export const READS_NAMES = /\/v1\/organization|\/v1\/quota\/check|\/v1\/exports/;

export type Asked = { readonly route: RouteCase; readonly naming: Naming; readonly target: Target };

export function* asksOf(target: Target): Generator<Asked> {
  for (const route of routesOf(target)) {
    const namings = READS_NAMES.test(route.route) ? NAMINGS : NAMINGS.slice(0, 2);
    for (const naming of namings) yield { route, naming, target };
  }
}

/** Asks as a caller whose own customer is `own`. */
export function ask(
  { call }: Pick<TestApp, 'call'>,
  { route, naming, target }: Asked,
  by: { own: Pick<Target, 'entity' | 'project'>; credentials: Credentials },
): Promise<Answer> {
  const nameOf = { none: undefined, target: target.entity, own: by.own.entity };
  const projectOf = {
    ...nameOf,
    target: `${target.entity}/${target.project}`,
    own: `${by.own.entity}/${by.own.project}`,
  };
  const organization = nameOf[naming.organization];
  const project = projectOf[naming.project];
  const headers = {
    ...route.headers,
    ...(organization !== undefined && { 'openai-organization': organization }),
    ...(project !== undefined && { 'openai-project': project }),
    ...by.credentials,
  };
  return call(route.request, {
    key: null,
    headers,
    waits: false,
    ...(route.body !== undefined && { body: route.body }),
  });
}

/** In a fixed sequence, some at a time. */
export async function ofEach<A, T>(asks: readonly A[], look: (asked: A) => Promise<T | null>): Promise<T[]> {
  const found: T[] = [];
  let next = 0;
  const goOn = async (): Promise<void> => {
    while (next < asks.length) {
      const result = await look(asks[next++]!);
      if (result !== null) found.push(result);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, goOn));
  return found;
}
