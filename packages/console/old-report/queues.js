/** Signs in to the page of the queues, and out. */

const SESSION = '/dashboard/session';
const CSRF_TOKEN = 'tally.csrf-token';

const byId = (id) => document.getElementById(id);

byId('sign-in').addEventListener('submit', (event) => {
  event.preventDefault();
  void signIn();
});
byId('sign-out').addEventListener('click', () => void signOut());

async function signIn() {
  const body = JSON.stringify({ api_key: byId('key').value.trim() });
  byId('key').value = '';
  const answer = await call({ method: 'POST', body, headers: { 'content-type': 'application/json' } });
  if (answer === null) return;
  sessionStorage.setItem(CSRF_TOKEN, answer.csrf_token);
  if (answer.role === 'admin') location.assign('/admin/queues');
  else say(`This key has the role ${answer.role}; the queues need an admin key.`);
}

async function signOut() {
  const headers = { 'x-csrf-token': sessionStorage.getItem(CSRF_TOKEN) ?? '' };
  if ((await call({ method: 'DELETE', headers })) !== null) say('You are signed out.');
}

/** The answer, or null once its error is shown. */
async function call(options) {
  try {
    const response = await fetch(SESSION, { ...options, signal: AbortSignal.timeout(10_000) });
    const answer = await response.json();
    if (response.ok) return answer;
    say(answer.error.message);
  } catch {
    say('Tally does not answer.');
  }
  return null;
}

function say(text) {
  byId('error').textContent = text;
}
