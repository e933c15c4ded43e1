/**
 * Posts to an address that a customer chose. Unless the configuration allows others, it connects only to public addresses
 * (public-address.ts). It checks the addresses that it connects to, and not only the name when the webhook is created, because the name may
 * resolve elsewhere by then. It follows no redirect.
 */
import { lookup, type LookupAddress } from 'node:dns';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { isPublicAddress } from './public-address.js';

/** From looking up the name to the receiver's status. */
const ANSWER_MS_MAX = 10_000;

/** Below are the ports of mail, shells and other programs that read a request as something else. */
const UNPRIVILEGED_PORT_MIN = 1_024;
const WEB_PORTS: readonly number[] = [80, 443];

type Settings = {
  readonly allowPrivate: boolean;
  /** The system's resolver, unless a test has one of its own. */
  readonly lookup?: typeof lookup;
};

export class WebhookSender {
  private readonly lookup: LookupFunction;

  constructor(private readonly settings: Settings) {
    this.lookup = lookupWith(settings);
  }

  /** What is wrong with an address, as far as its text shows, or null. */
  problemOf(text: string): string | null {
    if (!URL.canParse(text)) return 'must be a URL such as https://example.com/hooks';
    const url = new URL(text);
    if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'must begin with https:// or http://';
    if (url.username !== '' || url.password !== '') return 'must not contain a user name or a password';
    const port = Number(url.port === '' ? 443 : url.port);
    if (port < UNPRIVILEGED_PORT_MIN && !WEB_PORTS.includes(port))
      return `must have no port but ${WEB_PORTS.join(', ')} or one from ${UNPRIVILEGED_PORT_MIN} on`;
    const host = hostOf(url);
    const isLocal = isIP(host) === 0 ? /(^|\.)localhost\.?$/i.test(host) : !isPublicAddress(host);
    return isLocal && !this.settings.allowPrivate ? 'must be a public address' : null;
  }

  /** Resolves to the receiver's status; rejects if there is none. */
  async post(
    text: string,
    message: { headers: Readonly<Record<string, string>>; body: string },
  ): Promise<number> {
    const problem = this.problemOf(text);
    if (problem !== null) throw new Error(`the address ${problem}`);
    const url = new URL(text);
    const send = url.protocol === 'https:' ? requestHttps : requestHttp;
    return new Promise((resolve, reject) => {
      const request = send(url, {
        method: 'POST',
        headers: { ...message.headers, 'content-length': Buffer.byteLength(message.body) },
        agent: false,
        signal: AbortSignal.timeout(ANSWER_MS_MAX),
        lookup: this.lookup,
      });
      request.on('error', reject);
      // After an answer it changes nothing. A receiver that switches protocols gives none, and no error either.
      request.on('close', () => reject(new Error('the receiver closed the connection without an answer')));
      request.on('response', (response) => {
        // Only the status matters, so the body is not read.
        response.destroy();
        resolve(response.statusCode ?? 0);
      });
      request.end(message.body);
    });
  }
}

/** Without the brackets that a URL puts around IPv6. */
function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

/** Looks a name up as Node does. It connects to what this returns and looks up nothing again, so it refuses names with any private address. */
function lookupWith({ allowPrivate, lookup: lookUp = lookup }: Settings): LookupFunction {
  return (name, options, done) => {
    lookUp(name, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
      const first = addresses?.[0];
      if (error !== null) return done(error, []);
      const isAllowed = allowPrivate || addresses.every(({ address }) => isPublicAddress(address));
      if (first === undefined || !isAllowed)
        return done(new Error('the address must be a public address'), []);
      return options.all ? done(null, addresses) : done(null, first.address, first.family);
    });
  };
}
