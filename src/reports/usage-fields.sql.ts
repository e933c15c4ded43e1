/** What usage is grouped and filtered by, as columns of events and of roll-ups alike. */
import { pgArray } from '../platform/pg-array.js';
import { Prisma } from '../platform/prisma/client.js';

/** What a caller may ask for by name, but not `meter` and `tag:…`. */
export const USAGE_FIELDS = ['project', 'model', 'operation', 'service_tier', 'user', 'api_key'] as const;
export type UsageField = (typeof USAGE_FIELDS)[number];

/** A field, or a tag by its name. */
export type UsageGroup = UsageField | `tag:${string}`;

/** By field or tag: any of these values. */
export type UsageFilters = ReadonlyMap<UsageGroup, readonly string[]>;

/** `alias` is that of the relation; it is part of the query's text. */
export function columnOf(group: UsageGroup, alias: 'u' | 'e'): Prisma.Sql {
  const column = (name: string) => Prisma.raw(`${alias}.${name}`);
  if (group.startsWith('tag:')) return Prisma.sql`${column('tags')} ->> ${group.slice('tag:'.length)}::text`;
  if (group === 'user') return column('user_id');
  return group === 'api_key' ? column('api_key_id') : column(group);
}

export function conditionOf(filters: UsageFilters, alias: 'u' | 'e'): Prisma.Sql {
  const each = [...filters].map(
    ([group, values]) => Prisma.sql`${columnOf(group, alias)} = any(${pgArray(values)}::text[])`,
  );
  return each.length === 0 ? Prisma.sql`true` : Prisma.join(each, ' and ');
}
