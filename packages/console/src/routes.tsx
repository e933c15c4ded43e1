/** Every page of the console, with its address. A new page adds its route here, and its link to `frame/nav.ts`. */
import { createRouter } from '@tanstack/react-router';
import { rootRoute } from './frame/root.js';
import { homeRoute, pageRoute, signInRoute, signOutRoute, unknownRoute } from './frame/frame-routes.js';
import { customerRoute } from './pages/customer/route.js';
import { customersRoute } from './pages/customers/route.js';
import { alertsRoute, customerAlertsRoute } from './pages/alerts/route.js';
import { auditRoute } from './pages/audit/route.js';
import { customerKeysRoute, keysRoute } from './pages/keys/route.js';
import { plansRoute, retentionRoute } from './pages/settings/route.js';
import { mailsRoute, webhooksRoute } from './pages/webhooks/route.js';
import { conflictsRoute, deadLettersRoute, inboxRoute } from './pages/inbox/route.js';
import { booksRoute, jobsRoute, operationsRoute } from './pages/operations/route.js';
import { importRoute, modelRoute, pricesRoute, unpricedRoute } from './pages/prices/route.js';
import { eventRoute, eventsRoute } from './pages/events/route.js';
import { reportRoute } from './pages/report/route.js';
import { statementRoute, statementsRoute } from './pages/statements/route.js';
import { usageRoute } from './pages/usage/route.js';
import { readSearch, writeSearch } from './parts/address.js';

const routeTree = rootRoute.addChildren([
  signInRoute,
  signOutRoute,
  pageRoute.addChildren([
    homeRoute,
    customersRoute,
    customerRoute,
    customerAlertsRoute,
    customerKeysRoute,
    inboxRoute,
    deadLettersRoute,
    conflictsRoute,
    pricesRoute,
    modelRoute,
    unpricedRoute,
    importRoute,
    operationsRoute,
    jobsRoute,
    booksRoute,
    keysRoute,
    alertsRoute,
    webhooksRoute,
    mailsRoute,
    auditRoute,
    plansRoute,
    retentionRoute,
    unknownRoute,
    reportRoute,
    usageRoute,
    eventsRoute,
    eventRoute,
    statementsRoute,
    statementRoute,
  ]),
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
