/** What went wrong, in the API's words, with what a person can do about it. */
import type { ReactNode } from 'react';
import { asApiError } from '../api/errors.js';
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
  const { message, requestId } = asApiError(error);
  return (
    <div className="problem" role="alert">
      <p>
        {message.replace(/[.]?$/, '.')} {children}
      </p>
      <div className="row">
        {onRetry && (
          <button type="button" onClick={onRetry}>
            Try again
          </button>
        )}
        {requestId !== null && (
          <span className="quiet">
            Request <Copyable text={requestId} what="request id" />
          </span>
        )}
      </div>
    </div>
  );
}
