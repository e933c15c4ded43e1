/** How arguments get from TypeScript into Lua: by name, in the sequence in which the script names them. */
import { describe, expect, it } from '@jest/globals';
import { LuaScript } from '../../src/quota/lua-script.js';
import * as scripts from '../../src/quota/quota-scripts.js';

type Release = { now_ms: string; reservation_id: string; ttl_ms: string };

describe('a script', () => {
  it.each([
    { gives: 'the same arguments in another sequence', of: (a: Release) => [a.reservation_id, a.now_ms] },
    { gives: 'fewer arguments', of: (a: Release) => [a.now_ms] },
    { gives: 'more arguments', of: (a: Release) => [a.now_ms, a.reservation_id, a.ttl_ms] },
    { gives: 'another argument', of: (a: Release) => [a.now_ms, a.ttl_ms] },
  ])('is not loaded where TypeScript gives $gives', ({ of }) => {
    expect(() => new LuaScript(['release-arguments', 'release'], of)).toThrow(
      'release.lua names its arguments',
    );
  });

  it('that names its arguments nowhere, or twice, is not loaded', () => {
    const { inSequence } = scripts.RELEASE;
    for (const files of [['release'], ['release-arguments', 'release-arguments', 'release']])
      expect(() => new LuaScript(files, inSequence)).toThrow('release.lua names its arguments');
  });

  it('reads its arguments nowhere else than where it names them', () => {
    for (const script of Object.values(scripts)) expect(script.text.match(/\bARGV\b/g)).toEqual(['ARGV']);
  });
});
