/** Files that a command reads: `-` is standard input. */
import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import { WrongUse } from './failures.js';

export async function contentOf(file: string): Promise<string> {
  if (file === '-') return textOf(process.stdin);
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new WrongUse(`${file} cannot be read (${code ?? 'unknown'}).`);
  }
}

export function parsedJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new WrongUse(`${file} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}
