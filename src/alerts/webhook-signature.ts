/** Signs messages by Standard Webhooks 1.0 (https://www.standardwebhooks.com), so any of its libraries can verify them. */
import { createHmac, randomBytes } from 'node:crypto';
import { assert } from '../domain/errors.js';

const PREFIX = 'whsec_';
const SECRET_BYTES = 32;

export function newWebhookSecret(): string {
  return `${PREFIX}${randomBytes(SECRET_BYTES).toString('base64')}`;
}

/** The three headers of a message. A receiver refuses an old `at`, so nobody can replay a message. */
export function signedHeaders(of: {
  id: string;
  at: Date;
  payload: string;
  secret: string;
}): Readonly<Record<string, string>> {
  assert(of.secret.startsWith(PREFIX), 'a secret is one of ours');
  const seconds = String(Math.floor(of.at.getTime() / 1000));
  const key = Buffer.from(of.secret.slice(PREFIX.length), 'base64');
  const signature = createHmac('sha256', key).update(`${of.id}.${seconds}.${of.payload}`).digest('base64');
  return { 'webhook-id': of.id, 'webhook-timestamp': seconds, 'webhook-signature': `v1,${signature}` };
}
