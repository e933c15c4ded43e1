/**
 * Posts to an address that a customer chose. Unless the configuration allows others, it connects only to public addresses. It checks
 * this when it connects and not only when the webhook is created, because the name may resolve elsewhere by then. It follows no
 * redirect.
 */
import { lookup, type LookupAddress } from 'node:dns';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** From looking up the name to the receiver's status. */
const ANSWER_MS_MAX = 10_000;

const PRIVATE = new BlockList();
for (const [network, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
] as const) {
  PRIVATE.addSubnet(network, bits, 'ipv4');
}
for (const [network, bits] of [
  ['::', 127], // unspecified and loopback
  ['64:ff9b::', 96], // translated IPv4
  ['2002::', 16], // tunnelled IPv4
  ['fc00::', 7],
  ['fe80::', 10],
  ['ff00::', 8],
] as const) {
  PRIVATE.addSubnet(network, bits, 'ipv6');
}

export class WebhookSender {
  constructor(private readonly settings: { readonly allowPrivate: boolean }) {}

  /** What is wrong with an address, as far as its text shows, or null. */
  problemOf(text: string): string | null {
    if (!URL.canParse(text)) return 'must be a URL such as https://example.com/hooks';
    const url = new URL(text);
    if (url.protocol !== 'https:' && url.protocol !== 'http:') return 'must begin with https:// or http://';
    if (url.username !== '' || url.password !== '') return 'must not contain a user name or a password';
    const host = hostOf(url);
    const isLocal = (isIP(host) !== 0 && isPrivate(host)) || /(^|\.)localhost\.?$/i.test(host);
    return isLocal && !this.settings.allowPrivate ? 'must not be a private address' : null;
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
        ...(this.settings.allowPrivate ? {} : { lookup: lookupPublic }),
      });
      request.on('error', reject);
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

function isPrivate(address: string): boolean {
  return PRIVATE.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

/** Looks a name up as Node does, and refuses it if any of its addresses is private. */
const lookupPublic: LookupFunction = (name, options, done) => {
  lookup(name, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
    const first = addresses?.[0];
    if (error !== null) return done(error, []);
    if (first === undefined || addresses.some(({ address }) => isPrivate(address))) {
      return done(new Error('the address must not be a private address'), []);
    }
    return options.all ? done(null, addresses) : done(null, first.address, first.family);
  });
};
