/** What went wrong, in the API's words, with what a person can do about it. */
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { asApiError } from '../api/errors.js';
import { may } from '../session/permissions.js';
import { useSignedIn } from '../session/session.js';
import { Copyable } from './copyable.js';

export function Problem({
  error,
  onRetry,
  children,
}: {
  error: unknown;
  onRetry?: (() => void) | undefined;
  children?: ReactNode;
}) {
  const { message, code, requestId } = asApiError(error);
  return (
    <div className="problem" role="alert">
      <p>
        {sentenceOf(message)} {children}
      </p>
      <div className="row">
        {onRetry && (
          <button type="button" onClick={onRetry}>
            Try again
          </button>
        )}
        {code === 'books_differ' && <BooksLink />}
        {requestId !== null && (
          <span className="quiet">
            Request <Copyable text={requestId} what="request id" />
          </span>
        )}
      </div>
    </div>
  );
}

/** To where they are reconciled and repaired. */
function BooksLink() {
  const { role } = useSignedIn();
  return may(role, 'GET /v1/admin/reconciliation') && <Link to="/operations/books">Books</Link>;
}

/** The API's messages are parts of sentences: `no entity nobody`. A field's name at the start stays as it is. */
function sentenceOf(message: string): string {
  const text = message.replace(/[.]?$/, '.');
  return /^[a-z]+[ ,.]/.test(text) ? `${text.charAt(0).toUpperCase()}${text.slice(1)}` : text;
}
