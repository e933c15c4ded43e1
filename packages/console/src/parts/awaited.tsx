/** What a query answers: a placeholder while it loads, the API's error with a way to retry, and the last answer beside a later error. */
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Problem } from './problem.js';

export function Awaited<T>({
  of,
  lines = 4,
  children,
}: {
  of: UseQueryResult<T>;
  /** About how many lines the answer takes. */
  lines?: number;
  children: (answer: T) => ReactNode;
}) {
  const { data, error, isPending, refetch } = of;
  const retry = () => void refetch();
  if (data !== undefined)
    return (
      <>
        {error !== null && (
          <Problem error={error} onRetry={retry}>
            Below is what was loaded before.
          </Problem>
        )}
        {children(data)}
      </>
    );
  if (isPending) return <Loading lines={lines} />;
  return <Problem error={error} onRetry={retry} />;
}

export function Loading({ lines = 4 }: { lines?: number }) {
  return (
    <div className="loading" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, line) => (
        <span key={line} className="line" />
      ))}
    </div>
  );
}
