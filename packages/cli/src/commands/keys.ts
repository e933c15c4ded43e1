/** `tally keys …`: API keys. A secret is shown once. */
import type { Command } from 'commander';
import { answerOf, type Schema } from '../api/client.js';
import { rowsOf } from '../api/pages.js';
import { change, makeOnce, type ChangeOptions } from '../change.js';
import {
  action,
  asks,
  asName,
  asTime,
  choice,
  command,
  group,
  lasting,
  limited,
  repeatable,
} from '../grammar.js';
import type { Output } from '../shown/output.js';
import type { Column } from '../shown/table.js';
import { duration, moment, second } from '../times.js';

type Key = Schema<'Key'>;
type Role = Schema<'KeyRole'>;

const ROLES = ['gateway', 'finance', 'owner', 'admin'] as const satisfies Role[];
const STATES = ['active', 'expired', 'revoked'] as const satisfies Schema<'KeyState'>[];

export function addKeyCommands(program: Command): void {
  const keys = group(program, 'keys', 'Make, list, rotate and revoke API keys');
  addList(keys);
  addCreate(keys);
  addRename(keys);
  addRotate(keys);
  addRevoke(keys);
}

type ListOptions = {
  readonly entity?: string;
  readonly role?: Role;
  readonly state?: Schema<'KeyState'>;
  readonly limit: number;
};

function addList(keys: Command): void {
  const list = command(keys, 'list', {
    summary: 'List keys with when each was last used',
    examples: ['keys list --state active', 'keys list --entity acme --role gateway'],
  })
    .option('--entity <entity>', 'only those of this customer', asName)
    .addOption(choice('--role <role>', 'only those of this role', ROLES))
    .addOption(choice('--state <state>', 'only those in this state', STATES));
  limited(list);
  action<[], ListOptions>(list, async ({ session: { api, out }, options }) => {
    const { entity, role, state, limit } = options;
    const { rows, hasMore } = await rowsOf(
      async (page) =>
        answerOf(
          api.GET('/v1/admin/keys', {
            params: {
              query: {
                ...page,
                ...(entity !== undefined && { entity }),
                ...(role !== undefined && { role }),
                ...(state !== undefined && { state }),
              },
            },
          }),
        ),
      { limit },
    );
    out.answer({ object: 'list', data: rows, has_more: hasMore }, () => out.table(rows, COLUMNS, 'No keys.'));
  });
}

const COLUMNS: Column<Key>[] = [
  { head: 'key', cell: ({ id }) => id },
  { head: 'name', cell: ({ name }) => name, shrinksTo: 10 },
  { head: 'role', cell: ({ role }) => role },
  {
    head: 'state',
    cell: ({ state }) => state,
    tone: ({ state }) => (state === 'active' ? null : 'dim'),
    rank: 1,
  },
  { head: 'entity', cell: ({ entity }) => entity ?? 'all', shrinksTo: 8, rank: 2 },
  { head: 'last used', cell: (key) => moment(key.last_used_at, 'never'), rank: 3 },
  { head: 'expires', cell: (key) => moment(key.expires_at, 'never'), rank: 4 },
];

type CreateOptions = {
  readonly role: Role;
  readonly entity?: string;
  readonly source?: string;
  readonly expires?: string;
  readonly idempotencyKey?: string;
};

function addCreate(keys: Command): void {
  const create = repeatable(
    command(keys, 'create <name>', {
      summary: 'Make a key; its secret is shown once',
      more: 'The role owner requires --entity; the role admin takes none.',
      examples: [
        'keys create "eu gateway" --role gateway',
        'keys create "acme finance" --role finance --entity acme --expires 2027-01-01',
        'keys create ci --role gateway --json | jq -r .secret',
      ],
    })
      .addOption(choice('--role <role>', 'what it may do', ROLES).makeOptionMandatory())
      .option('--entity <entity>', 'the only customer that it may reach', asName)
      .option('--source <source>', 'the only source whose events it may report')
      .option('--expires <time>', 'when it stops working', asTime),
  );
  action<[string], CreateOptions>(create, async ({ session, args: [name], options }) => {
    const { role, entity, source, expires } = options;
    const body = {
      name,
      role,
      ...(entity !== undefined && { entity }),
      ...(source !== undefined && { source }),
      ...(expires !== undefined && { expires_at: expires }),
    };
    const made = await makeOnce(options, (key) =>
      answerOf(session.api.POST('/v1/admin/keys', { params: { header: { 'Idempotency-Key': key } }, body })),
    );
    session.out.answer(made, () => writeNew(session.out, made));
  });
}

function writeNew(out: Output, key: Schema<'NewKey'>): void {
  out.fields([
    ['key', key.id],
    ['name', key.name],
    ['role', key.role],
    ['entity', key.entity ?? 'all'],
    ['source', key.source ?? ''],
    ['expires', second(key.expires_at, 'never')],
    ['secret', key.secret],
  ]);
  out.line('The secret is not shown again: save it now.');
}

function addRename(keys: Command): void {
  const rename = command(keys, 'rename <key> <name>', {
    summary: 'Give a key another name',
    examples: ['keys rename key_VyDgsL3WcRy1DPlqHdMB8J "old eu gateway"'],
  });
  action<[string, string]>(rename, async ({ session: { api, out }, args: [id, name] }) => {
    const key = await answerOf(
      api.PATCH('/v1/admin/keys/{id}', { params: { path: { id } }, body: { name } }),
    );
    out.answer(key, () => out.line(`${key.id} is named ${key.name}.`));
  });
}

type RotateOptions = ChangeOptions & { readonly overlap: number; readonly expires?: string };

function addRotate(keys: Command): void {
  const rotate = asks(
    command(keys, 'rotate <key>', {
      summary: 'Replace a key; the old one still works for a while, and the new secret is shown once',
      examples: [
        'keys rotate key_VyDgsL3WcRy1DPlqHdMB8J',
        'keys rotate key_VyDgsL3WcRy1DPlqHdMB8J --overlap 0s --yes',
      ],
    })
      .addOption(lasting('--overlap <time>', 'how long the old key still works', '24h'))
      .option('--expires <time>', 'when the new key stops working', asTime),
    { dryRun: false },
  );
  action<[string], RotateOptions>(rotate, async ({ session, args: [id], options }) => {
    const { api, out } = session;
    const path = { id };
    const old = await answerOf(api.GET('/v1/admin/keys/{id}', { params: { path } }));
    const body = {
      overlap_seconds: options.overlap,
      ...(options.expires !== undefined && { expires_at: options.expires }),
    };
    const end = options.overlap === 0 ? 'ends at once' : `still works for ${duration(options.overlap)}`;
    const made = await change(session, options, {
      name: 'keys rotate',
      plan: (to) =>
        to.line(`Rotate ${old.name} (${id}, ${old.role}): it ${end}, and a new one takes its place.`),
      make: (key) =>
        answerOf(
          api.POST('/v1/admin/keys/{id}/rotate', {
            params: { path, header: { 'Idempotency-Key': key } },
            body,
          }),
        ),
    });
    if (made !== null) out.answer(made, () => writeNew(out, made));
  });
}

function addRevoke(keys: Command): void {
  const revoke = command(keys, 'revoke <key>', {
    summary: 'End a key at once',
    examples: ['keys revoke key_VyDgsL3WcRy1DPlqHdMB8J'],
  }).option('-y, --yes', 'do it without asking');
  action<[string], ChangeOptions>(revoke, async ({ session, args: [id], options }) => {
    const { api, out } = session;
    const key = await answerOf(api.GET('/v1/admin/keys/{id}', { params: { path: { id } } }));
    const revoked = await change(session, options, {
      name: 'keys revoke',
      plan: (to) =>
        to.line(
          `Revoke ${key.name} (${id}, ${key.role}), last used ${second(key.last_used_at, 'never')}: requests with it are refused from now on.`,
        ),
      make: () => answerOf(api.DELETE('/v1/admin/keys/{id}', { params: { path: { id } } })),
    });
    if (revoked !== null) out.answer(revoked, () => out.line(`Revoked ${key.name} (${id}).`));
  });
}
