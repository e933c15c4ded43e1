/** Signs messages by Standard Webhooks 1.0 (https://www.standardwebhooks.com), so any of its libraries can verify them. */
import { createHmac, randomBytes } from 'node:crypto';
import { assert } from '../domain/errors.js';

const PREFIX = 'whsec_';
const SECRET_BYTES = 32;

export function newWebhookSecret(): string {
  return `${PREFIX}${randomBytes(SECRET_BYTES).toString('base64')}`;
}

/**
 * The three headers of a message, with one signature by each secret: a receiver accepts it that knows one of them. It refuses an old
 * `at`, so nobody can replay a message.
 */
export function signedHeaders(of: {
  id: string;
  at: Date;
  payload: string;
  secrets: readonly string[];
}): Readonly<Record<string, string>> {
  const seconds = String(Math.floor(of.at.getTime() / 1000));
  const content = `${of.id}.${seconds}.${of.payload}`;
  const signatures = of.secrets.map((secret) => `v1,${signatureOf(content, secret)}`);
  return {
    'webhook-id': of.id,
    'webhook-timestamp': seconds,
    'webhook-signature': signatures.join(' '),
  };
}

function signatureOf(content: string, secret: string): string {
  assert(secret.startsWith(PREFIX), 'a secret is one of ours');
  const key = Buffer.from(secret.slice(PREFIX.length), 'base64');
  return createHmac('sha256', key).update(content).digest('base64');
}
