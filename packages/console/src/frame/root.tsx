/** What all pages have in common: announcements, and something to say when a page breaks or does not exist. */
import { createRootRoute, Link, Outlet, type ErrorComponentProps } from '@tanstack/react-router';
import { useSyncExternalStore } from 'react';
import { currentAnnouncements, dismiss, onAnnouncements } from '../parts/announcements.js';
import { Problem } from '../parts/problem.js';

export const rootRoute = createRootRoute({
  component: Root,
  notFoundComponent: NotFound,
  errorComponent: Broken,
});

function Root() {
  return (
    <>
      <Outlet />
      <Announcements />
    </>
  );
}

function Announcements() {
  const announcements = useSyncExternalStore(onAnnouncements, currentAnnouncements);
  return (
    <div className="announcements" role="status" aria-live="polite">
      {announcements.map(({ id, text, tone }) => (
        <p key={id} className={`announcement ${tone}`}>
          {text}
          <button type="button" className="link" onClick={() => dismiss(id)} aria-label="Dismiss">
            ✕
          </button>
        </p>
      ))}
    </div>
  );
}

export function Broken({ error, reset }: ErrorComponentProps) {
  return (
    <div className="card stack">
      <h1>This page failed</h1>
      <Problem error={error} onRetry={reset} />
    </div>
  );
}

export function NotFound() {
  return (
    <div className="card stack">
      <h1>No such page</h1>
      <p>The address names no page of this console.</p>
      <p>
        <Link to="/">Go to the first page</Link>
      </p>
    </div>
  );
}
