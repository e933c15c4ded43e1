/** What a caller is told of a wrong field is Tally's own text: which type was expected, and which came. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { expectationOf } from '../../src/http/expectations.js';

const SRC = path.resolve(import.meta.dirname, '../../src');

const messageOf = (schema: z.ZodType, value: unknown): string | undefined =>
  schema.safeParse(value, { error: expectationOf }).error?.issues[0]?.message;

describe('an expectation', () => {
  it.each<[string, z.ZodType, unknown]>([
    ['is required, a text', z.string(), undefined],
    ['must be a text, not a number', z.string(), 7],
    ['must be a text, not null', z.string(), null],
    ['must be a number, not a text', z.int(), 'x'],
    ['must be true or false, not a list', z.boolean(), []],
    ['must be an object, not a list', z.object({}), []],
    ['must be a list, not an object', z.array(z.string()), {}],
    ['must be "1.0"', z.literal('1.0'), '0.3'],
    ['must be "1.0", not a number', z.literal('1.0'), 1],
    ['is required, "1.0"', z.literal('1.0'), undefined],
    ['must be one of "a", "b", not null', z.enum(['a', 'b']), null],
    ['must have at least 1 character', z.string().min(1), ''],
    ['must have at most 3 characters', z.string().max(3), 'secret'],
    ['must have at least 1 entry', z.array(z.int()).min(1), []],
    ['must be at most 5', z.int().max(5), 6],
    ['must be a time such as "2026-12-01T00:00:00Z"', z.iso.datetime(), 'secret'],
    ['is not what this call takes', z.union([z.string(), z.int()]), {}],
  ])('says "%s"', (expected, schema, value) => {
    expect(messageOf(schema, value)).toBe(expected);
  });

  it('is asked for wherever a schema parses what comes from outside', () => {
    const without = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .flatMap((file) =>
        [...readFileSync(path.join(SRC, file), 'utf8').matchAll(/(\w+)\.(?:safeParse|parse)(?:Async)?\(.*/g)]
          .filter(([call, of]) => !['JSON', 'Date'].includes(of!) && !call.includes('error: expectationOf'))
          .map(([call]) => `${file}: ${call}`),
      );
    expect(without).toEqual([]);
  });
});
