import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isPublicAddress } from '../../src/alerts/public-address.js';
import { WebhookSender } from '../../src/alerts/webhook-sender.js';

/** All blocks of IANA's two registries of special-purpose addresses, and of multicast, as they stood in 2026. */
const SPECIAL_IPV4 =
  `0.0.0.0/8 0.0.0.0/32 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.0.0/29
  192.0.0.8/32 192.0.0.9/32 192.0.0.10/32 192.0.0.170/32 192.0.0.171/32 192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24
  192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 255.255.255.255/32 168.63.129.16/32`
    .trim()
    .split(/\s+/);
const SPECIAL_IPV6 =
  `::1/128 ::/128 ::/96 ::ffff:0:0/96 ::ffff:0:0:0/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23 2001::/32
  2001:1::1/128 2001:1::2/128 2001:1::3/128 2001:2::/48 2001:3::/32 2001:4:112::/48 2001:10::/28 2001:20::/28 2001:30::/28 2001:db8::/32
  2002::/16 2620:4f:8000::/48 3fff::/20 5f00::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8`
    .trim()
    .split(/\s+/);

const bytes = (count: number) => fc.uint8Array({ minLength: count, maxLength: count });

/** Any address of one of the blocks, as its bytes. */
function addressIn(blocks: readonly string[], length: 4 | 16): fc.Arbitrary<number[]> {
  return fc.tuple(fc.constantFrom(...blocks), bytes(length)).map(([block, random]) => {
    const [network = '', bits] = block.split('/');
    const first = length === 4 ? network.split('.').map(Number) : bytesOfIpv6(network);
    return first.map((byte, index) => {
      const mask = 255 >> Math.min(Math.max(Number(bits) - index * 8, 0), 8);
      return (byte & ~mask) | (random[index]! & mask);
    });
  });
}

function bytesOfIpv6(text: string): number[] {
  const [head = '', tail = ''] = text.split('::');
  const groups = (part: string) =>
    part.split(':').flatMap((group) => (group === '' ? [] : [Number.parseInt(group, 16)]));
  const [first, last] = [groups(head), groups(tail)];
  const middle = Array.from({ length: 8 - first.length - last.length }, () => 0);
  return [...first, ...middle, ...last].flatMap((group) => [group >> 8, group & 255]);
}

const dotted = (address: readonly number[]) => address.join('.');
const grouped = (address: readonly number[]) =>
  Array.from({ length: 8 }, (_, index) =>
    ((address[2 * index]! << 8) | address[2 * index + 1]!).toString(16),
  ).join(':');

/** The ways in which a URL may spell an IPv4 address. */
function spellingsOf(address: readonly number[]): string[] {
  const whole = address.reduce((sum, byte) => sum * 256 + byte, 0);
  const [a, b, c, d] = address as [number, number, number, number];
  const wide = dotted(address).replace(/[.\d]/g, (one) =>
    one === '.' ? '。' : String.fromCodePoint(one.codePointAt(0)! + 0xfee0),
  );
  return [
    dotted(address),
    `${dotted(address)}.`,
    String(whole),
    `0x${whole.toString(16)}`,
    `0${whole.toString(8)}`,
    `${a}.${b}.${c * 256 + d}`,
    `${a}.${(b * 256 + c) * 256 + d}`,
    address.map((byte) => `0x${byte.toString(16)}`).join('.'),
    address.map((byte) => `0${byte.toString(8)}`).join('.'),
    dotted(address).replaceAll('.', '%2e'),
    wide,
    `[::ffff:${dotted(address)}]`,
    `[::${dotted(address)}]`,
    `[::ffff:0:${dotted(address)}]`,
    `[64:ff9b::${dotted(address)}]`,
    `[64:ff9b:1::${dotted(address)}]`,
  ];
}

const sender = new WebhookSender({ allowPrivate: false });
const problemOf = (host: string) => sender.problemOf(`http://${host}/hook`);

describe('an address that a webhook may go to', () => {
  it('is in no block of the registries of special-purpose IPv4 addresses, however it is spelled', () => {
    fc.assert(
      fc.property(addressIn(SPECIAL_IPV4, 4), (address) => {
        expect(isPublicAddress(dotted(address))).toBe(false);
        for (const host of spellingsOf(address)) expect([host, problemOf(host)]).not.toEqual([host, null]);
      }),
      { numRuns: 500 },
    );
  });

  it('is in no block of the registries of special-purpose IPv6 addresses, and in no part that nobody was given', () => {
    fc.assert(
      fc.property(addressIn([...SPECIAL_IPV6, '4000::/2', '8000::/1', '::/3'], 16), (address) => {
        expect(isPublicAddress(grouped(address))).toBe(false);
        expect(problemOf(`[${grouped(address)}]`)).toBe('must be a public address');
      }),
      { numRuns: 1_000 },
    );
  });

  it('carries no IPv4 address in it, public or not', () => {
    fc.assert(
      fc.property(bytes(4), (address) => {
        for (const host of spellingsOf([...address]).filter((each) => each.startsWith('[')))
          expect(problemOf(host)).toBe('must be a public address');
      }),
    );
  });

  it.each(['1.1.1.1', '8.8.8.8', '100.128.0.1', '172.32.0.1', '192.0.1.1', '198.20.0.1', '223.255.255.255'])(
    'may be %s',
    (address) => expect([isPublicAddress(address), problemOf(address)]).toEqual([true, null]),
  );

  it.each(['2606:4700::1111', '2a00:1450:4001::1', '2001:4860:4860::8888', '2001:200::1', '3ffe::1'])(
    'may be %s',
    (address) => expect([isPublicAddress(address), problemOf(`[${address}]`)]).toEqual([true, null]),
  );

  it.each(['', 'example.com', '1.1.1', '2606:4700::1111%eth0', '1.1.1.1:80'])('is not %j', (text) => {
    expect(isPublicAddress(text)).toBe(false);
  });
});
