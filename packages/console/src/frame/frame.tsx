/** The frame around every page behind the sign-in: the links, the page, and who is signed in. */
import { Link, Outlet, useMatches, useRouterState } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { useMedia } from '../parts/media.js';
import { PageHead } from '../parts/page-head.js';
import { may, whoMay, type Operation } from '../session/permissions.js';
import { useSession, type Session } from '../session/session.js';
import { useLeaving } from './leaving.js';
import { navOf } from './nav.js';
import { ThemeSelect } from './theme-select.js';

/** Where the links would not fit beside each other. */
const NARROW = '(max-width: 820px)';

export function Frame() {
  const session = useSession();
  const content = useFocusAfterNavigation();
  const isNarrow = useMedia(NARROW);
  const refused = useRefusal(session);
  // The session has ended, and the router has not reached the sign-in yet.
  if (session === null) return null;
  return (
    <>
      <a className="skip" href="#content">
        Skip to the content
      </a>
      <header className="top">
        <Link to="/" className="brand">
          Tally
        </Link>
        {isNarrow ? <Menu session={session} /> : <Pages session={session} />}
        <Account session={session} hasTheme={!isNarrow} />
      </header>
      <main id="content" tabIndex={-1} ref={content}>
        {refused === null ? <Outlet /> : <Refused needs={refused} session={session} />}
      </main>
    </>
  );
}

function Pages({ session }: { session: Session }) {
  return (
    <nav aria-label="Pages">
      {navOf(session).map(({ label, link, Count }) => (
        <Link key={label} {...link} activeProps={{ 'aria-current': 'page' }}>
          {label}
          {Count !== undefined && <Count />}
        </Link>
      ))}
    </nav>
  );
}

/** On a narrow screen the links and the theme are behind a button. Following a link closes it, as does Escape. */
function Menu({ session }: { session: Session }) {
  const [isOpen, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const pathname = useRouterState({ select: ({ location }) => location.pathname });
  const [openedAt, setOpenedAt] = useState(pathname);
  if (openedAt !== pathname) {
    setOpenedAt(pathname);
    setOpen(false);
  }
  useEffect(() => {
    if (!isOpen) return undefined;
    const closeByKey = ({ key }: KeyboardEvent) => {
      if (key !== 'Escape') return;
      setOpen(false);
      button.current?.focus();
    };
    document.addEventListener('keydown', closeByKey);
    return () => document.removeEventListener('keydown', closeByKey);
  }, [isOpen]);
  return (
    <div className="menu">
      <button
        type="button"
        ref={button}
        aria-expanded={isOpen}
        aria-controls="menu"
        onClick={() => setOpen(!isOpen)}
      >
        Menu
      </button>
      <div id="menu" className="panel" hidden={!isOpen}>
        {isOpen && (
          <>
            <Pages session={session} />
            <ThemeSelect isLabelled />
          </>
        )}
      </div>
    </div>
  );
}

function Account({ session, hasTheme }: { session: Session; hasTheme: boolean }) {
  const { key, role, entity } = session;
  const { leave, isLeaving } = useLeaving();
  return (
    <div className="account">
      {hasTheme && <ThemeSelect />}
      <span className="who" title={`${key.name} (${key.id})`}>
        <span className="strong">{key.name}</span>
        <span className="quiet">{entity === null ? role : `${role} of ${entity}`}</span>
      </span>
      <button type="button" onClick={leave} disabled={isLeaving}>
        Sign out
      </button>
    </div>
  );
}

/** The call that the page needs and the key may not make. */
function useRefusal(session: Session | null): Operation | null {
  return useMatches({
    select: (matches) => {
      if (session === null) return null;
      const needs = matches.flatMap(({ staticData }) => staticData.needs ?? []);
      return needs.find((operation) => !may(session.role, operation)) ?? null;
    },
  });
}

function Refused({ needs, session }: { needs: Operation; session: Session }) {
  return (
    <>
      <PageHead title="Your key may not see this page" />
      <p>
        You are signed in with the key {session.key.name}, whose role is {session.role}. The page can be seen
        by {whoMay(needs)}.
      </p>
    </>
  );
}

/** Moves the focus to the start of a page that was opened by a link, but not of the first page and not after a filter. */
function useFocusAfterNavigation() {
  const content = useRef<HTMLElement>(null);
  const pathname = useRouterState({ select: ({ resolvedLocation }) => resolvedLocation?.pathname });
  const before = useRef<string | undefined>(undefined);
  useEffect(() => {
    if (before.current !== undefined && before.current !== pathname)
      content.current?.focus({ preventScroll: true });
    before.current = pathname;
  }, [pathname]);
  return content;
}
