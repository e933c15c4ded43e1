/** Where the page of the queues leads to sign out. It asks first, because any link on any site may lead here. */
import { Link } from '@tanstack/react-router';
import { useEffect } from 'react';
import { useSession } from '../session/session.js';
import { useLeaving } from './leaving.js';

export function SignOut() {
  const session = useSession();
  const { leave, isLeaving } = useLeaving();
  useEffect(() => {
    document.title = 'Sign out · Tally';
  }, []);
  // The session has ended, and the router has not reached the sign-in yet.
  if (session === null) return null;
  return (
    <main className="sign-in">
      <div className="card stack">
        <h1>Sign out of Tally?</h1>
        <p>You are signed in with the key {session.key.name}.</p>
        <div className="row">
          <button type="button" className="primary" onClick={leave} disabled={isLeaving} autoFocus>
            Sign out
          </button>
          <Link to="/">Stay signed in</Link>
        </div>
      </div>
    </main>
  );
}
