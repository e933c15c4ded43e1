/** The schema of a database as text, in an order that does not depend on when things were made. */
import type pg from 'pg';

const COLUMNS = `
  select c.relname as table, 'column ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
    || case when a.attnotnull then ' not null' else '' end
    || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '') as line, 0 as rank, a.attnum as position
  from pg_class c
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition`;

const CONSTRAINTS = `
  select c.relname, 'constraint ' || pg_get_constraintdef(k.oid), 1, 0
  from pg_constraint k join pg_class c on c.oid = k.conrelid
  where c.relnamespace = 'public'::regnamespace and not c.relispartition and k.contype <> 'n'`;

const INDEXES = `
  select c.relname, pg_get_indexdef(i.indexrelid), 2, 0
  from pg_index i join pg_class c on c.oid = i.indrelid
  where c.relnamespace = 'public'::regnamespace and not c.relispartition`;

const PARTITIONS = `
  select c.relname, 'partition by ' || pg_get_partkeydef(c.oid), 3, 0
  from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'p'`;

const TRIGGERS = `
  select c.relname, pg_get_triggerdef(t.oid), 4, 0
  from pg_trigger t join pg_class c on c.oid = t.tgrelid
  where not t.tgisinternal and not c.relispartition and c.relnamespace = 'public'::regnamespace`;

const VIEWS = `
  select pg_describe_object('pg_class'::regclass, oid, 0) || E'\\n' || pg_get_viewdef(oid) as definition
  from pg_class where relnamespace = 'public'::regnamespace and relkind = 'v' order by relname collate "C"`;

export async function dumpSchema(client: Pick<pg.Pool, 'query'>): Promise<string> {
  const { rows } = await client.query<{ table: string; line: string }>(
    `select * from (${[COLUMNS, CONSTRAINTS, INDEXES, PARTITIONS, TRIGGERS].join(' union all ')}) lines
     where "table" <> '_prisma_migrations'
     order by "table" collate "C", rank, position, line collate "C"`,
  );
  const tables = new Map<string, string[]>();
  for (const { table, line } of rows) tables.set(table, [...(tables.get(table) ?? []), line]);
  const views = await client.query<{ definition: string }>(VIEWS);
  const functions = await client.query<{ definition: string }>(
    `select pg_get_functiondef(oid) as definition from pg_proc where pronamespace = 'public'::regnamespace and prokind = 'f' order by proname`,
  );
  return [
    ...[...tables].map(
      ([table, lines]) => `table ${table}\n${lines.map((line) => `  ${line}`).join('\n')}\n`,
    ),
    ...views.rows.map((row) => `${row.definition}\n`),
    ...functions.rows.map((row) => row.definition),
  ].join('\n');
}
