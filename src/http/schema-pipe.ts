/** Parses bodies, paths and queries with the route's zod schema. One error names every field that is wrong. */
import { Injectable, type ArgumentMetadata, type PipeTransform } from '@nestjs/common';
import { z } from 'zod';
import { assert, TallyError } from '../domain/errors.js';

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
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.flatMap((issue) => problemsOf(issue, where));
  const shownProblems = problems
    .slice(0, PROBLEMS_SHOWN_MAX)
    .map((problem) => `${problem.field}: ${problem.message}`);
  if (problems.length > PROBLEMS_SHOWN_MAX)
    shownProblems.push(`and ${problems.length - PROBLEMS_SHOWN_MAX} more`);
  throw new TallyError('invalid_request', shownProblems.join('; '), { param: problems[0]?.field ?? where });
}

function problemsOf(issue: z.core.$ZodIssue, where: string): { field: string; message: string }[] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      field: shown([...path, key].join('.')),
      message: 'is not a known field',
    }));
  }
  return [{ field: path.length === 0 ? where : shown(path.join('.')), message: issue.message }];
}

/** A field's name comes from the caller, so it is cut to a line and made well formed. */
function shown(field: string): string {
  return field.slice(0, 128).replace(/[\p{Cc}\p{Cs}]/gu, '�');
}
