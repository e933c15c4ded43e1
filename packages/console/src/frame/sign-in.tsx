/** Signing in with an API key, which the page sends once and does not keep. */
import { useQueryClient } from '@tanstack/react-query';
import { Link, useRouter, useSearch } from '@tanstack/react-router';
import { useEffect, useRef, useState, type FormEvent } from 'react';
import { asApiError } from '../api/errors.js';
import { sessionHasEnded, signIn, useSession, type Session } from '../session/session.js';
import { leadsToQueues, wholePath } from './back-address.js';
import { useLeaving } from './leaving.js';
import { ThemeSelect } from './theme-select.js';

export function SignIn() {
  const { to = '' } = useSearch({ from: '/sign-in' });
  const router = useRouter();
  const queries = useQueryClient();
  const session = useSession();
  const [apiKey, setApiKey] = useState('');
  const field = useRef<HTMLInputElement>(null);
  const [problem, setProblem] = useState(sessionHasEnded() ? ENDED : '');
  const [isWaiting, setWaiting] = useState(false);
  useEffect(() => {
    document.title = 'Sign in · Tally';
  }, []);
  const isRefused = session !== null && leadsToQueues(to) && session.role !== 'admin';
  useEffect(() => {
    if (session === null || isRefused) return;
    // The service makes the page of the queues, not the router.
    if (leadsToQueues(to)) location.replace(wholePath(to));
    else router.history.replace(wholePath(to));
  }, [session, isRefused, router, to]);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setWaiting(true);
    try {
      queries.clear();
      await signIn(apiKey.trim());
    } catch (error) {
      setProblem(sentenceOf(error));
      field.current?.focus();
    } finally {
      setApiKey('');
      setWaiting(false);
    }
  };
  if (isRefused) return <QueuesRefused session={session} />;
  return (
    <main className="sign-in">
      <form className="card stack" onSubmit={(event) => void submit(event)}>
        <div className="row spread">
          <h1>Sign in to Tally</h1>
          <ThemeSelect />
        </div>
        <label className="field" htmlFor="key">
          API key
        </label>
        <input
          id="key"
          ref={field}
          type="password"
          autoComplete="off"
          spellCheck={false}
          required
          autoFocus
          value={apiKey}
          aria-describedby="sign-in-problem"
          onChange={({ target }) => setApiKey(target.value)}
        />
        <p id="sign-in-problem" className="error" role="alert">
          {problem}
        </p>
        <button type="submit" className="primary" disabled={isWaiting}>
          {isWaiting ? 'Signing in…' : 'Sign in'}
        </button>
        <AboutKeys />
      </form>
    </main>
  );
}

function AboutKeys() {
  return (
    <p className="quiet">
      You stay signed in on this browser for 12 hours, or until you sign out or the key is revoked. The key
      needs the role admin, finance or owner; an admin makes one on the page Keys, or{' '}
      <a href="/docs">by the API</a>.
    </p>
  );
}

function QueuesRefused({ session: { key, role } }: { session: Session }) {
  const { leave, isLeaving } = useLeaving();
  return (
    <main className="sign-in">
      <div className="card stack">
        <h1>Your key may not see the queues</h1>
        <p>
          You are signed in with the key {key.name}, whose role is {role}. The jobs of the queues can be seen
          by an admin.
        </p>
        <div className="row">
          <button type="button" onClick={leave} disabled={isLeaving}>
            Sign in with another key
          </button>
          <Link to="/">Go to the first page</Link>
        </div>
      </div>
    </main>
  );
}

const ENDED = 'You were signed out: the key was revoked, or 12 hours have passed.';

function sentenceOf(error: unknown): string {
  const { status, message } = asApiError(error);
  if (status === 401)
    return 'This key is not valid: it may be mistyped or revoked. Ask an admin for another.';
  return message;
}
