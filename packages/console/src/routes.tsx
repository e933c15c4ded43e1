/** Every page of the console, with its address. A new page adds its route here, and its link to `frame/nav.ts`. */
import { createRouter } from '@tanstack/react-router';
import { rootRoute } from './frame/root.js';
import { homeRoute, pageRoute, signInRoute, unknownRoute } from './frame/frame-routes.js';
import { customerRoute } from './pages/customer/route.js';
import { customersRoute } from './pages/customers/route.js';
import { readSearch, writeSearch } from './parts/address.js';

const routeTree = rootRoute.addChildren([
  signInRoute,
  pageRoute.addChildren([homeRoute, customersRoute, customerRoute, unknownRoute]),
]);

export const router = createRouter({
  routeTree,
  basepath: '/dashboard',
  parseSearch: readSearch,
  stringifySearch: writeSearch,
  defaultPreload: 'intent',
  scrollRestoration: true,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
