/** The kinds of values of environment variables. Each message says what the variable must be. */
import { redisUrlProblems } from '@tally/client/protocol';
import { z } from 'zod';
import { databaseUrlProblems } from './platform/database-address.js';

/** One of a few words. */
export function choice<const T extends string>(...words: readonly [T, T, ...T[]]) {
  return z.enum(words, `must be ${words.slice(0, -1).join(', ')} or ${words.at(-1)}`);
}

/** `what` names it in the message, such as `a number of seconds`. */
export function wholeNumber(what: string, { min, max }: { min: number; max: number }) {
  const expected = `must be ${what} from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,5}$/, expected)
    .transform(Number)
    .refine((number) => number >= min && number <= max, expected);
}

export function port() {
  return wholeNumber('a port number', { min: 0, max: 65_535 });
}

/** A text for documents, headers and logs: no control characters. */
export function oneLine() {
  return z
    .string()
    .trim()
    .regex(/^[^\p{C}\p{Zl}\p{Zp}]{1,200}$/u, 'must be one line of 1 to 200 characters');
}

/** With line breaks. */
export function severalLines() {
  return z
    .string()
    .transform((text) => text.replaceAll('\r\n', '\n').trim())
    .refine(
      (text) => /^(?:[^\p{C}\p{Zl}\p{Zp}]|\n){1,1000}$/u.test(text),
      'must have 1 to 1000 characters, line breaks included',
    );
}

const ORIGINS_MAX = 100;
const ORIGINS_EXPECTED =
  'must be origins such as https://console.example.com, comma separated, without a path and without *';

export function origins() {
  return z
    .string()
    .transform((list) => list.split(',').map((origin) => origin.trim()))
    .refine((all) => all.length <= ORIGINS_MAX && all.every(isOrigin), ORIGINS_EXPECTED);
}

/** As a browser sends it. */
function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

const MAIL_ADDRESS = /^(?:[^\p{C}<>"]{1,200}<)?[^\s@<>",;]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,253})>?$/u;

/** An address alone, or a name and the address in angle brackets. */
export function mailAddress() {
  return z
    .string()
    .trim()
    .refine(
      (text) => MAIL_ADDRESS.test(text) && text.includes('<') === text.endsWith('>'),
      'must be a mail address such as billing@example.com or Tally <billing@example.com>',
    );
}

export function mailServerUrl() {
  return z.string().refine((text) => {
    const url = urlIn(text, ['smtp:', 'smtps:']);
    return url !== null && url.hostname !== '';
  }, 'must be a URL such as smtp://user:password@host:587 or smtps://host:465');
}

export function databaseUrl() {
  return z
    .string()
    .refine((text) => urlIn(text, ['postgres:', 'postgresql:']) !== null, {
      message: 'must be a URL such as postgresql://user:password@host:5432/tally, with one host',
      abort: true,
    })
    .superRefine((text, context) => {
      for (const message of databaseUrlProblems(text)) context.addIssue({ code: 'custom', message });
    });
}

/** Every form that the client's protocol reads. */
export function redisUrl() {
  return z.string().superRefine((text, context) => {
    for (const message of redisUrlProblems(text)) context.addIssue({ code: 'custom', message });
  });
}

/** Null where the text is no URL, or one of another protocol. */
function urlIn(text: string, protocols: readonly string[]): URL | null {
  const url = URL.canParse(text) ? new URL(text) : null;
  return url !== null && protocols.includes(url.protocol) ? url : null;
}
