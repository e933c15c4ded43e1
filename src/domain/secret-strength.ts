/** Whether a secret that a person chose can be guessed. One that we make has 256 random bits. */

const SECRET_CHARACTERS_MIN = 32;
const SECRET_CHARACTERS_MAX = 255;

/** Of 32 random hexadecimal digits, 14 are different on average, and fewer than 7 less than once in a billion times. */
const DIFFERENT_MIN = 7;

/** A piece that is repeated until it is long enough is as weak as the piece. */
const PIECE_CHARACTERS_MAX = 16;

/** Of 31 random hexadecimal neighbours, 5 are a run on average, and more than 23 less than once in a trillion times. */
const RUN_SHARE_MAX = 0.75;

const VISIBLE_ASCII = /^[\x21-\x7e]+$/;

export const STRONG_SECRET = `must have ${SECRET_CHARACTERS_MIN} to ${SECRET_CHARACTERS_MAX} visible ASCII characters that nobody can guess, such as openssl rand -hex 32 prints`;

export function isStrongSecret(secret: string): boolean {
  return (
    secret.length >= SECRET_CHARACTERS_MIN &&
    secret.length <= SECRET_CHARACTERS_MAX &&
    VISIBLE_ASCII.test(secret) &&
    new Set(secret).size >= DIFFERENT_MIN &&
    !isRepeated(secret) &&
    shareOfRuns(secret) <= RUN_SHARE_MAX
  );
}

function isRepeated(secret: string): boolean {
  for (let length = 1; length <= PIECE_CHARACTERS_MAX; length += 1) {
    const piece = secret.slice(0, length);
    if (piece.repeat(Math.ceil(secret.length / length)).startsWith(secret)) return true;
  }
  return false;
}

/** How many characters repeat, follow or precede the one before them: `aaaa`, `1234`, `zyxw`. */
function shareOfRuns(secret: string): number {
  let runs = 0;
  for (let at = 1; at < secret.length; at += 1)
    if (Math.abs(secret.charCodeAt(at) - secret.charCodeAt(at - 1)) <= 1) runs += 1;
  return runs / (secret.length - 1);
}
