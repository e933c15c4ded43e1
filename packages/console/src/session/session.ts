/** Who is signed in. The cookie is the server's; the page holds what it answered about it. */
import { useSyncExternalStore } from 'react';
import { ApiError, errorOf } from '../api/errors.js';

export type Role = 'admin' | 'finance' | 'owner' | 'gateway';

export type Session = {
  readonly role: Role;
  /** The only entity of the key; null: all. */
  readonly entity: string | null;
  readonly key: { readonly id: string; readonly name: string };
  readonly csrf_token: string;
};

type Answer = ({ signed_in: true } & Session) | { signed_in: false };

const URL_OF_SESSION = '/dashboard/session';

let session: Session | null = null;
let hasEnded = false;
const listeners = new Set<() => void>();

export function currentSession(): Session | null {
  return session;
}

/** True where a session ended without a sign-out: its key was revoked, or its time was over. */
export function sessionHasEnded(): boolean {
  return hasEnded;
}

export function onSession(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useSession(): Session | null {
  return useSyncExternalStore(onSession, currentSession);
}

/** Of a page behind the sign-in. */
export function useSignedIn(): Session {
  const signedIn = useSession();
  if (signedIn === null) throw new Error('This page is shown only to people who are signed in.');
  return signedIn;
}

export async function loadSession(): Promise<void> {
  const answer = await ask('GET');
  set(answer.signed_in ? answer : null);
}

export async function signIn(apiKey: string): Promise<Session> {
  const answer = await ask('POST', { api_key: apiKey });
  if (!answer.signed_in) throw new ApiError({ status: 401, message: 'The key opened no session.' });
  hasEnded = false;
  set(answer);
  return answer;
}

export async function signOut(): Promise<void> {
  await ask('DELETE');
  hasEnded = false;
  set(null);
}

/** The server no longer knows the session. */
export function endSession(): void {
  if (session === null) return;
  hasEnded = true;
  set(null);
}

function set(next: Session | null): void {
  session = next;
  for (const listener of listeners) listener();
}

async function ask(method: 'GET' | 'POST' | 'DELETE', body?: object): Promise<Answer> {
  const headers = {
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(session === null ? {} : { 'x-csrf-token': session.csrf_token }),
  };
  const options = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
  const response = await fetch(URL_OF_SESSION, options).catch(() => {
    throw new ApiError({ status: 0, message: 'The server cannot be reached.' });
  });
  if (!response.ok) throw await errorOf(response);
  return (await response.json()) as Answer;
}
