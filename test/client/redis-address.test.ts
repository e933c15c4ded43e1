/** What a URL of Redis says, and what is told where it says something wrong. */
import { describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RedisAddressError, redisAddressOf } from '../../packages/client/src/protocol/redis-address.js';

const NOTHING = {
  nodes: [],
  path: null,
  master: null,
  username: null,
  password: null,
  sentinelUsername: null,
  sentinelPassword: null,
  database: 0,
  tls: null,
};
const at = (host: string, port: number) => ({ host, port });

describe('a URL of Redis', () => {
  it.each<[string, object]>([
    ['redis://localhost', { kind: 'server', nodes: [at('localhost', 6379)] }],
    ['redis://localhost:6380/', { kind: 'server', nodes: [at('localhost', 6380)] }],
    [
      'redis://:p%40ss@10.0.0.1/3',
      { kind: 'server', nodes: [at('10.0.0.1', 6379)], password: 'p@ss', database: 3 },
    ],
    [
      'redis://tally:a:b@[::1]:7000?db=2',
      { kind: 'server', nodes: [at('::1', 7000)], username: 'tally', password: 'a:b', database: 2 },
    ],
    ['rediss://redis.example.com', { kind: 'server', nodes: [at('redis.example.com', 6379)], tls: {} }],
    [
      'rediss://redis?servername=redis.example.com',
      { kind: 'server', nodes: [at('redis', 6379)], tls: { servername: 'redis.example.com' } },
    ],
    ['unix:///run/redis.sock', { kind: 'socket', path: '/run/redis.sock' }],
    [
      'unix://tally:secret@/run/my%20redis.sock?db=1',
      { kind: 'socket', path: '/run/my redis.sock', username: 'tally', password: 'secret', database: 1 },
    ],
    [
      'redis+sentinel://s1,s2:26380/mymaster',
      { kind: 'sentinel', nodes: [at('s1', 26_379), at('s2', 26_380)], master: 'mymaster' },
    ],
    [
      'redis+sentinel://tally:secret@s1/mymaster/4?sentinel_username=watch&sentinel_password=a+b%26',
      {
        kind: 'sentinel',
        nodes: [at('s1', 26_379)],
        master: 'mymaster',
        username: 'tally',
        password: 'secret',
        sentinelUsername: 'watch',
        sentinelPassword: 'a+b&',
        database: 4,
      },
    ],
    ['redis+cluster://h1:7000,h2:7001', { kind: 'cluster', nodes: [at('h1', 7000), at('h2', 7001)] }],
    ['rediss+cluster://h1/0', { kind: 'cluster', nodes: [at('h1', 6379)], tls: {} }],
  ])('%s names what it should', (url, expected) => {
    expect(redisAddressOf(url)).toEqual({ ...NOTHING, ...expected });
  });

  it('names files of a private CA and of a certificate of ours, which are read', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'tally-test-pem-'));
    try {
      for (const name of ['ca', 'cert', 'key']) await writeFile(join(directory, name), `the ${name}`);
      const url = `rediss://h?ca=${directory}/ca&cert=${directory}/cert&key=${directory}/key`;
      expect(redisAddressOf(url).tls).toEqual({ ca: 'the ca', cert: 'the cert', key: 'the key' });
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it.each<[string, ...RegExp[]]>([
    ['http://h', /must be a URL such as redis:\/\/host:6379/],
    ['redis', /must be a URL such as/],
    ['redis://u:secret/slash@h', /host 1/, /a number/],
    ['redis://u:secret#@h', /%23/],
    ['redis://', /names no host/],
    ['redis://h1,h2', /redis\+sentinel:\/\/.*redis\+cluster:\/\//],
    ['redis://h:0', /host 1/],
    ['redis://h:70000', /host 1/],
    ['redis://h/x', /a number/],
    ['redis://h/1/2', /longer path/],
    ['redis://secret@h', /user without a password/],
    ['redis://:%zz@h', /%25/],
    ['redis://h?ca=/etc/ca.pem', /begin it with rediss/],
    ['redis://h?secret=1', /setting that this kind does not have.*\?db=/],
    ['rediss://h?ca=/nowhere/ca.pem', /\?ca= that cannot be read \(ENOENT\)/],
    ['rediss://h?cert=/nowhere/cert.pem', /\?cert=.*ENOENT/, /\?cert= and \?key= together/],
    ['unix://run/redis.sock', /three slashes/],
    ['unix:///', /names no socket/],
    ['redis+sentinel://s1:26379', /must name the master/],
    ['redis+sentinel://s1/m/0/1', /longer path/],
    ['redis+sentinel://s1/m?sentinel_user=secret', /\?sentinel_username=/],
    ['redis+cluster://h1,h2/3', /a Cluster has none but 0/],
    ['redis+cluster://h1?db=3', /a Cluster has none but 0/],
    ['redis+cluster://h1,,h3', /host 2/],
    ['redis+cluster://h1:x/2?ca=y', /begin it with rediss/, /host 1/, /none but 0/],
  ])('%s is refused, with everything that is wrong and no secret', (url, ...reasons) => {
    let problems: readonly string[] = [];
    try {
      redisAddressOf(url);
    } catch (error) {
      if (error instanceof RedisAddressError) ({ problems } = error);
    }
    expect(problems).toHaveLength(reasons.length);
    for (const [index, reason] of reasons.entries()) expect(problems[index]).toMatch(reason);
    expect(problems.join()).not.toMatch(/secret/);
  });
});
