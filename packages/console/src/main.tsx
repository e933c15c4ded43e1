/** Starts the console: who is signed in comes first, then the page that the address names. */
import './design/tokens.css';
import './design/base.css';
import './design/frame.css';
import './design/layout.css';
import './design/states.css';
import './design/buttons.css';
import './design/fields.css';
import './design/dialogs.css';
import './design/tables.css';
import './design/finance.css';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { asApiError } from './api/errors.js';
import { addressInside } from './frame/back-address.js';
import { router } from './routes.js';
import { currentSession, loadSession, onSession } from './session/session.js';

const FRESH_MS = 15_000;
const RETRIES_MAX = 2;

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: FRESH_MS,
      // A browser that says it is offline asks all the same, so that the page says what it cannot load instead of waiting for ever.
      networkMode: 'always',
      refetchOnReconnect: true,
      retry: (count, error) => count < RETRIES_MAX && asApiError(error).isPassing,
    },
  },
});

onSession(() => {
  if (currentSession() !== null) return;
  // Answers to one key are never shown under another.
  queries.clear();
  // It knows already where to go back to.
  if (router.state.location.pathname === '/sign-in') return;
  void router.navigate({ to: '/sign-in', search: { to: addressInside(location) } });
});

// If the server cannot be asked, the sign-in shows why when it is tried.
await loadSession().catch(() => {});
createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
);
