/** Signatures as Standard Webhooks 1.0 has them (https://www.standardwebhooks.com): any of its libraries checks ours. */
import { createHmac, randomBytes } from 'node:crypto';
import { assert } from '../domain/errors.js';

const PREFIX = 'whsec_';
const SECRET_BYTES = 32;

export function newWebhookSecret(): string {
  return `${PREFIX}${randomBytes(SECRET_BYTES).toString('base64')}`;
}

/** The three headers of a message. The receiver refuses an old `at`, so that nobody sends a message again. */
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
