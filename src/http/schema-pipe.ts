/** Parses bodies, paths and queries with the route's zod schema. One error names every field that is wrong. */
import { Injectable, type ArgumentMetadata, type PipeTransform } from '@nestjs/common';
import { z } from 'zod';
import { assert, TallyError } from '../domain/errors.js';
import { expectationOf } from './expectations.js';
import { knownFields } from './known-fields.js';

/** Keeps a large bad request from getting a larger answer. */
const PROBLEMS_SHOWN_MAX = 10;

@Injectable()
export class SchemaPipe implements PipeTransform {
  async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    if (metadata.type === 'custom') return value;
    const { schema } = metadata;
    assert(schema instanceof z.ZodType, 'every body, path and query has a zod schema');
    return parseRequest(schema, value, metadata.type);
  }
}

/** Parses with the schema, or throws a 400 that names every field at fault. */
export function parseRequest<T extends z.ZodType>(schema: T, value: unknown, where: string): z.output<T> {
  const unknown = where === 'param' ? [] : unknownFields(schema, value);
  const parsed = schema.safeParse(value, { error: expectationOf });
  if (parsed.success && unknown.length === 0) return parsed.data;
  const problems = (parsed.error?.issues ?? []).flatMap((issue) => problemsOf(issue, where));
  const told = new Set(problems.map(({ field }) => field));
  throw refusalOf([...problems, ...unknown.filter(({ field }) => !told.has(field))], where);
}

export type Problem = { readonly field: string; readonly message: string };

const UNKNOWN = 'is not a known field';

/** One error that names the fields; the first of them is its `param`. */
export function refusalOf(problems: readonly Problem[], where: string): TallyError {
  const told = problems
    .slice(0, PROBLEMS_SHOWN_MAX)
    .map(({ field, message }) => `${shown(field)}: ${message}`);
  if (problems.length > PROBLEMS_SHOWN_MAX) told.push(`and ${problems.length - PROBLEMS_SHOWN_MAX} more`);
  return new TallyError('invalid_request', told.join('; '), { param: shown(problems[0]?.field ?? where) });
}

/** Also where the schema itself would pass over them, as it does over `__proto__`. */
function unknownFields(schema: z.ZodType, value: unknown): Problem[] {
  const known = knownFields(schema);
  if (known === null || typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return Object.keys(value).flatMap((field) => (known.has(field) ? [] : [{ field, message: UNKNOWN }]));
}

/** A query is flat: what is wrong with one value of a parameter is wrong with the parameter. */
function problemsOf(issue: z.core.$ZodIssue, where: string): Problem[] {
  const path = issue.path.slice(0, where === 'query' ? 1 : undefined).map(String);
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ field: [...path, key].join('.'), message: UNKNOWN }));
  return [{ field: path.length === 0 ? where : path.join('.'), message: issue.message }];
}

/** A field's name comes from the caller, so it is cut to a line and made well formed. */
function shown(field: string): string {
  return field.slice(0, 128).replace(/[\p{Cc}\p{Cs}]/gu, '�');
}
