/** The routes that are no page of their own: the sign-in, the frame around all pages behind it, and the first page. */
import { createRoute, redirect } from '@tanstack/react-router';
import { address, text } from '../parts/address.js';
import type { Operation } from '../session/permissions.js';
import { currentSession } from '../session/session.js';
import { Frame } from './frame.js';
import { Broken, NotFound, rootRoute } from './root.js';
import { SignIn } from './sign-in.js';
import { SignOut } from './sign-out.js';

declare module '@tanstack/react-router' {
  interface StaticDataRouteOption {
    /** The call without which the page shows nothing. A key that may not make it sees which roles may. */
    needs?: Operation;
  }
}

export const signInRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/sign-in',
  validateSearch: address({ to: text(2_048) }),
  component: SignIn,
});

export const signOutRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/sign-out',
  beforeLoad() {
    if (currentSession() === null) throw redirect({ to: '/sign-in' });
  },
  component: SignOut,
});

export const pageRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: 'page',
  beforeLoad({ location }) {
    if (currentSession() !== null) return;
    const to = location.pathname === '/' ? undefined : location.pathname + location.searchStr;
    throw redirect({ to: '/sign-in', search: { to } });
  },
  component: Frame,
  errorComponent: Broken,
  notFoundComponent: NotFound,
});

/** Every other address. */
export const unknownRoute = createRoute({ getParentRoute: () => pageRoute, path: '$', component: NotFound });

/** The first page of a key: all customers, or the one that it is bound to. */
export const homeRoute = createRoute({
  getParentRoute: () => pageRoute,
  path: '/',
  beforeLoad() {
    const entity = currentSession()?.entity ?? null;
    if (entity === null) throw redirect({ to: '/customers' });
    throw redirect({ to: '/customers/$entity', params: { entity } });
  },
});
