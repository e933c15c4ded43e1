/** For the loader of a route: starts to load what its page shows while the page's code is still on its way. */
import { may, type Operation } from './permissions.js';
import { currentSession } from './session.js';

/** What the key may not read is not asked for, nor is a page that is only pointed at. The page itself says what went wrong. */
export function loadAhead(of: {
  needs: Operation;
  preload: boolean;
  load: () => readonly Promise<unknown>[];
}): void {
  const session = currentSession();
  if (session === null || of.preload || !may(session.role, of.needs)) return;
  void Promise.allSettled(of.load());
}
