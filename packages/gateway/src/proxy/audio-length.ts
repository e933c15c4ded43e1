/** How long a recording is, for a transcription whose server does not say. */

/** Of 128 kbit/s, the usual rate of compressed sound. */
const COMPRESSED_BYTES_PER_SECOND = 16_000;

/** Whole seconds, rounded up: from a WAV file's own header, otherwise from the size at a usual rate. */
export function audioSecondsOf(file: Buffer): number {
  const isWav = file.toString('latin1', 0, 4) === 'RIFF' && file.toString('latin1', 8, 12) === 'WAVE';
  const perSecond = isWav ? wavBytesPerSecond(file) : null;
  return Math.ceil(file.length / (perSecond ?? COMPRESSED_BYTES_PER_SECOND));
}

/** The chunk `fmt ` has it at its byte 8. http://soundfile.sapp.org/doc/WaveFormat */
function wavBytesPerSecond(file: Buffer): number | null {
  let at = 12;
  while (at + 20 <= file.length) {
    if (file.toString('latin1', at, at + 4) === 'fmt ') {
      const rate = file.readUInt32LE(at + 16);
      return rate > 0 ? rate : null;
    }
    at += 8 + file.readUInt32LE(at + 4);
  }
  return null;
}
