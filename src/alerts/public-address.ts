/**
 * Which addresses may be posted to: global unicast, without the blocks that IANA's registries of special-purpose addresses name, even those
 * that are reachable from everywhere, for no receiver of messages is there. What translates or tunnels IPv4 lies outside of it with all
 * that it can carry.
 * https://www.iana.org/assignments/iana-ipv4-special-registry, https://www.iana.org/assignments/iana-ipv6-special-registry
 */
import { BlockList, isIP } from 'node:net';

type Blocks = readonly (readonly [network: string, bits: number])[];

const SPECIAL_IPV4: Blocks = [
  ['0.0.0.0', 8], // this network
  ['10.0.0.0', 8],
  ['100.64.0.0', 10], // shared by carriers, and one cloud's metadata
  ['127.0.0.0', 8],
  ['168.63.129.16', 32], // a cloud's host, which is public by its number only
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24], // documentation
  ['192.31.196.0', 24], // AS112
  ['192.52.193.0', 24], // AMT
  ['192.88.99.0', 24], // relays of 6to4
  ['192.168.0.0', 16],
  ['192.175.48.0', 24], // AS112
  ['198.18.0.0', 15], // benchmarks
  ['198.51.100.0', 24], // documentation
  ['203.0.113.0', 24], // documentation
  ['224.0.0.0', 4], // multicast
  ['240.0.0.0', 4], // reserved, and broadcast
];

const GLOBAL_IPV6: Blocks = [['2000::', 3]];

const SPECIAL_IPV6: Blocks = [
  ['2001::', 23], // protocols, with Teredo, ORCHID and benchmarks
  ['2001:db8::', 32], // documentation
  ['2002::', 16], // 6to4
  ['2620:4f:8000::', 48], // AS112
  ['3fff::', 20], // documentation
];

const specialIpv4 = blocksOf(SPECIAL_IPV4, 'ipv4');
const globalIpv6 = blocksOf(GLOBAL_IPV6, 'ipv6');
const specialIpv6 = blocksOf(SPECIAL_IPV6, 'ipv6');

/** False for what is no address, and for an address with a zone. */
export function isPublicAddress(address: string): boolean {
  const version = isIP(address);
  if (version === 4) return !specialIpv4.check(address, 'ipv4');
  if (version !== 6 || address.includes('%')) return false;
  return globalIpv6.check(address, 'ipv6') && !specialIpv6.check(address, 'ipv6');
}

function blocksOf(blocks: Blocks, family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList();
  for (const [network, bits] of blocks) list.addSubnet(network, bits, family);
  return list;
}
