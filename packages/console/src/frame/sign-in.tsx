/** Signing in with an API key, which the page sends once and does not keep. */
import { useQueryClient } from '@tanstack/react-query';
import { useRouter, useSearch } from '@tanstack/react-router';
import { useEffect, useState, type FormEvent } from 'react';
import { asApiError } from '../api/errors.js';
import { sessionHasEnded, signIn, useSession } from '../session/session.js';
import { wholePath } from './back-address.js';
import { ThemeSelect } from './theme-select.js';

export function SignIn() {
  const { to } = useSearch({ from: '/sign-in' });
  const router = useRouter();
  const queries = useQueryClient();
  const session = useSession();
  const [apiKey, setApiKey] = useState('');
  const [problem, setProblem] = useState(sessionHasEnded() ? ENDED : '');
  const [isWaiting, setWaiting] = useState(false);
  useEffect(() => {
    document.title = 'Sign in · Tally';
  }, []);
  useEffect(() => {
    if (session !== null) router.history.replace(wholePath(to ?? ''));
  }, [session, router, to]);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setWaiting(true);
    try {
      queries.clear();
      await signIn(apiKey.trim());
    } catch (error) {
      setProblem(sentenceOf(error));
    } finally {
      setApiKey('');
      setWaiting(false);
    }
  };
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
        <p className="quiet">
          You stay signed in on this browser for 12 hours, or until you sign out or the key is revoked. The
          key needs the role admin, finance or owner; an admin makes one with <code>POST /v1/admin/keys</code>
          , as <a href="/docs">the API's page</a> says.
        </p>
      </form>
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
