/** Every answer that the page holds, and for how long it is fresh. */
import { QueryClient } from '@tanstack/react-query';
import { asApiError } from './errors.js';

const FRESH_MS = 15_000;
const RETRIES_MAX = 2;

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: FRESH_MS,
      // A browser that says it is offline asks all the same, so that the page says what it cannot load instead of waiting for ever.
      networkMode: 'always',
      refetchOnReconnect: true,
      retry: (count, error) => count < RETRIES_MAX && asApiError(error).isPassing,
    },
  },
});
