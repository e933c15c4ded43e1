import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { isStrongSecret } from '../../src/domain/secret-strength.js';

describe('a secret that a person chose', () => {
  it.each([
    ['too short', 'Jb7x-Qp2w_Zr9t.Lk4m-Hs6d_Vf1g.Ny'.slice(1)],
    ['empty', ''],
    ['one character', 'a'.repeat(40)],
    ['a word again and again', 'changeme'.repeat(5)],
    ['a word again and again, cut', 'correct-horse'.repeat(4).slice(0, 35)],
    ['a run of digits and letters', '0123456789abcdefghijklmnopqrstuvwxyz'],
    ['a run backwards', 'zyxwvutsrqponmlkjihgfedcba9876543210'],
    ['characters in blocks', 'aaaabbbbccccddddeeeeffffgggghhhhiiii'],
    ['few characters', 'abacabadabacabaeabacabadabacabafab'],
    ['spaces', 'Jb7x Qp2w Zr9t Lk4m Hs6d Vf1g Ny8cX'],
    ['not ASCII', 'ключJb7x-Qp2w_Zr9t.Lk4m-Hs6d_Vf1g'],
    ['a line break', 'Jb7x-Qp2w_Zr9t.Lk4m-Hs6d_Vf1g.Ny8c\n'],
    ['too long', randomBytes(200).toString('hex').slice(0, 256)],
  ])('is weak: %s', (_, secret) => {
    expect(isStrongSecret(secret)).toBe(false);
  });

  it.each([
    ['mostly runs', '0123456789abcdef7f3a0123456789ab', false],
    ['half runs, as one random secret in 100,000 has', '12ab34dc01fe8976cd4501ba78ef23dc', true],
    ['seven characters, as one random secret in a million has', '3a8f1c63a1f86c3af183c6a81f3c68a1', true],
  ])('is weak only where chance does not make it: %s', (_, secret, strong) => {
    expect(isStrongSecret(secret)).toBe(strong);
  });

  it('is strong where it was made by chance, however it is written', () => {
    for (let n = 0; n < 2_000; n += 1) {
      expect(isStrongSecret(randomBytes(16).toString('hex'))).toBe(true);
      expect(isStrongSecret(randomBytes(24).toString('base64url'))).toBe(true);
      expect(isStrongSecret(`sk-tally-${randomBytes(32).toString('base64url')}`)).toBe(true);
    }
  });
});
