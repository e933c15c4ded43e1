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
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { queries } from './api/queries.js';
import { addressInside } from './frame/back-address.js';
import { router } from './routes.js';
import { currentSession, loadSession, onSession } from './session/session.js';

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
