/** `tally audit`: who changed what, and when. */
import type { Command } from 'commander';
import { answerOf, answerOrNull, type Api, type Schema } from '../api/client.js';
import { rowsOf } from '../api/pages.js';
import { action, asName, asSince, command, limited } from '../grammar.js';
import { changedFields } from '../shown/changed-fields.js';
import { moment } from '../times.js';

type Entry = Schema<'AuditEntry'>;

type AuditOptions = {
  readonly action?: string;
  readonly actor?: string;
  readonly target?: string;
  readonly since?: number;
  readonly until?: number;
  readonly limit: number;
};

export function addAuditCommand(program: Command): void {
  const audit = command(program, 'audit [entity]', {
    summary: 'List changes, newest first: who, when, what it was and what it is',
    examples: [
      'audit acme --action limits            who changed its caps',
      'audit --actor key_VyDgsL3WcRy1DPlqHdMB8J --since 24h',
      'audit --action prices.publish --json',
    ],
  })
    .option(
      '--action <action>',
      'an action such as limits.change, or all of a kind such as limits, credits, keys, prices',
    )
    .option('--actor <key>', 'only by this key')
    .option('--target <id>', 'only of this grant, key, project, …')
    .option('--since <time>', 'from then on: 7d, 24h, 2026-11-01', asSince)
    .option('--until <time>', 'before then', asSince);
  limited(audit, 20);
  action<[string | undefined], AuditOptions>(
    audit,
    async ({ session: { api, out }, args: [entity], options }) => {
      const { rows, hasMore } = await rowsOf(
        async (page) => {
          const query = { ...page, ...queryOf(entity, options) };
          return answerOf(api.GET('/v1/admin/audit_log', { params: { query } }));
        },
        { limit: options.limit },
      );
      if (out.isJson) return out.json({ object: 'list', data: rows, has_more: hasMore });
      const names = await namesOf(api, rows);
      out.table(
        rows,
        [
          { head: 'at', cell: ({ at }) => moment(at) },
          { head: 'by', cell: ({ actor }) => names.get(actor) ?? actor, shrinksTo: 10 },
          { head: 'action', cell: (entry) => entry.action },
          {
            head: 'entity',
            cell: (row) => (entity === undefined ? (row.entity ?? '') : ''),
            shrinksTo: 8,
            rank: 4,
          },
          { head: 'target', cell: ({ target }) => target ?? '', shrinksTo: 12, rank: 3 },
          { head: 'change', cell: changedFields, shrinksTo: 28 },
          { head: 'from', cell: ({ address }) => address ?? '', rank: 5 },
        ],
        'No changes.',
      );
    },
  );
}

function queryOf(entity: string | undefined, { action, actor, target, since, until }: AuditOptions) {
  return {
    ...(entity !== undefined && { entity: asName(entity) }),
    ...(action !== undefined && { action }),
    ...(actor !== undefined && { actor }),
    ...(target !== undefined && { target }),
    ...(since !== undefined && { start_time: since }),
    ...(until !== undefined && { end_time: until }),
  };
}

/** Keys by the names that people gave them. */
async function namesOf(api: Api, rows: readonly Entry[]): Promise<ReadonlyMap<string, string>> {
  const ids = [...new Set(rows.map(({ actor }) => actor))].filter((id) => id.startsWith('key_'));
  const found = await Promise.all(
    ids.map(async (id) => answerOrNull(api.GET('/v1/admin/keys/{id}', { params: { path: { id } } }))),
  );
  return new Map(found.flatMap((key) => (key === null ? [] : [[key.id, `${key.name} (${key.id})`]])));
}
