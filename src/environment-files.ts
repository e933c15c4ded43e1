/** Variables whose values come from files: `X_FILE` names the file that holds `X`, as orchestrators mount secrets. */
import { closeSync, openSync, readSync } from 'node:fs';

const FILE_BYTES_MAX = 64 * 1024;

export type Variables = Readonly<Record<string, string | undefined>>;

/** The variables of these names, from the environment or from a file, and a sentence for each file that does not serve. */
export function readVariables(
  environment: Variables,
  names: readonly string[],
): { values: Record<string, string>; problems: string[] } {
  const values: Record<string, string> = {};
  const problems: string[] = [];
  for (const name of names) {
    // An empty variable counts as unset, as in `PORT= npm start`.
    const own = environment[name] || undefined;
    const file = environment[`${name}_FILE`] || undefined;
    if (own !== undefined) values[name] = own;
    if (file === undefined) continue;
    if (own !== undefined) {
      problems.push(`${name}_FILE must not be set beside ${name}: one of them holds the value`);
      continue;
    }
    const content = readValue(file);
    if ('problem' in content) problems.push(`${name}_FILE ${content.problem}`);
    else values[name] = content.text;
  }
  return { values, problems };
}

/** Without the line break that editors put at the end. */
function readValue(file: string): { text: string } | { problem: string } {
  try {
    const descriptor = openSync(file, 'r');
    try {
      const bytes = Buffer.alloc(FILE_BYTES_MAX + 1);
      let length = 0;
      for (let read = -1; read !== 0 && length < bytes.length; length += read)
        read = readSync(descriptor, bytes, length, bytes.length - length, null);
      if (length > FILE_BYTES_MAX) return { problem: `must name a file of at most ${FILE_BYTES_MAX} bytes` };
      const text = bytes.toString('utf8', 0, length).replace(/\r?\n$/, '');
      return text === '' ? { problem: 'must name a file that is not empty' } : { text };
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    return { problem: `must name a file that can be read (${code})` };
  }
}
