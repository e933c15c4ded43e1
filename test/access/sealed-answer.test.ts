import { describe, expect, it } from '@jest/globals';
import { open, seal } from '../../src/access/sealed-answer.js';

describe('a sealed answer', () => {
  const text = JSON.stringify({ secret: 'sk-tally-ü', id: 'key_1' });

  it('is read by whom it was sealed for, and by nobody else', () => {
    const sealed = seal(text, 'mine');
    expect(open(sealed, 'mine')).toBe(text);
    expect(open(sealed, 'another')).toBeNull();
    expect(sealed).not.toContain('tally');
  });

  it('is never the same twice, and a changed one is not read', () => {
    const sealed = seal(text, 'mine');
    expect(seal(text, 'mine')).not.toBe(sealed);
    const bytes = Buffer.from(sealed, 'base64url');
    for (const at of [0, 20, 30, bytes.length - 1]) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1;
      expect(open(changed.toString('base64url'), 'mine')).toBeNull();
    }
  });

  it.each(['', 'AAAA', '{"a":1}'])('what is none is not read: %j', (kept) => {
    expect(open(kept, 'mine')).toBeNull();
  });
});
