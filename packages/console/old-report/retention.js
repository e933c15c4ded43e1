/** What is kept for how long, for admins. It is asked for when somebody opens it, since other keys may not see it. */
import { ApiError, ask } from './api.js';
import { byId, fill, make } from './dom.js';

const HEADS = ['What', 'Kept', 'What happens then', 'Setting'];

export function listenToRetention() {
  byId('retention').addEventListener('toggle', () => byId('retention').open && void showRetention());
}

export function closeRetention() {
  byId('retention').open = false;
  fill('retention-table');
  fill('retention-note');
}

async function showRetention() {
  fill('retention-note', 'Loading…');
  try {
    const { kinds } = await ask('/v1/admin/settings/retention');
    const head = make('tr', {}, ...HEADS.map((name) => make('th', { scope: 'col' }, name)));
    fill('retention-table', make('thead', {}, head), make('tbody', {}, ...kinds.map(rowOf)));
    fill('retention-note', 'Changed by PUT /v1/admin/settings/retention, in months; null is for ever.');
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    fill('retention-table');
    fill('retention-note', error.status === 403 ? 'This needs a key with the role admin.' : error.message);
  }
}

function rowOf({ what, kept, afterwards, setting, min_months: least, max_months: most }) {
  const bounds = setting === null ? 'none' : `${setting}, ${least} to ${most}`;
  return make(
    'tr',
    {},
    make('th', { scope: 'row' }, what),
    ...[kept, afterwards, bounds].map((text) => make('td', {}, text)),
  );
}
