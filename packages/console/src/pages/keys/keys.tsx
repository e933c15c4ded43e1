/** API keys: whose they are, what they may do, and when each was last used. */
import { useInfiniteQuery } from '@tanstack/react-query';
import { useCallback } from 'react';
import type { Schemas } from '../../api/client.js';
import { Awaited } from '../../parts/awaited.js';
import { Badge, type Tone } from '../../parts/badge.js';
import { Copyable } from '../../parts/copyable.js';
import { CustomerTabs } from '../../parts/customer-tabs.js';
import { DataTable, type Column } from '../../parts/data-table.js';
import { CsvButton } from '../../parts/downloads.js';
import { Empty } from '../../parts/empty.js';
import { SearchBox } from '../../parts/search-box.js';
import { SelectBox } from '../../parts/select-box.js';
import { CustomerLink } from '../../parts/links.js';
import { useRows } from '../../parts/more-rows.js';
import { Moment } from '../../parts/moment.js';
import { allOf, paging } from '../../parts/paged.js';
import { PageHead } from '../../parts/page-head.js';
import { dayOf, isoOf } from '../../parts/times.js';
import { useSignedIn } from '../../session/session.js';
import { MakeKey, Rename, Revoke, Rotate } from './key-acts.js';
import { customerKeysRoute, KEY_ROLES, KEY_STATES, keysRoute } from './route.js';

type Key = Schemas['Key'];
const ALL = '';

export function Keys() {
  const { entity, role, state = 'active' } = keysRoute.useSearch();
  const navigate = keysRoute.useNavigate();
  const { entity: own } = useSignedIn();
  const change = useCallback(
    (changes: object) => void navigate({ search: (before) => ({ ...before, ...changes }), replace: true }),
    [navigate],
  );
  const setEntity = useCallback((typed: string) => change({ entity: typed || undefined }), [change]);
  const wanted = { entity, role, state };
  return (
    <>
      <PageHead title="Keys" lead="Who may call Tally, and in which role. Times in UTC.">
        <MakeKey entity={own ?? entity ?? ''} />
        <KeysFile wanted={wanted} />
      </PageHead>
      <div className="row filters">
        {own === null && <SearchBox label="Customer, whole name" value={entity ?? ''} onChange={setEntity} />}
        <KeySelects wanted={wanted} onChange={change} />
      </div>
      <KeyTable wanted={wanted} />
    </>
  );
}

/** The keys of one customer, among its pages. */
export function CustomerKeys() {
  const { entity } = customerKeysRoute.useParams();
  const { role, state = 'active' } = customerKeysRoute.useSearch();
  const navigate = customerKeysRoute.useNavigate();
  const change = (changes: object) =>
    void navigate({ search: (before) => ({ ...before, ...changes }), replace: true });
  const wanted = { entity, role, state };
  return (
    <>
      <PageHead title={entity} lead="Keys that reach this customer alone, and when each was last used.">
        <MakeKey entity={entity} />
        <KeysFile wanted={wanted} />
      </PageHead>
      <CustomerTabs entity={entity} />
      <div className="row filters">
        <KeySelects wanted={wanted} onChange={change} />
      </div>
      <KeyTable wanted={wanted} isOfOne />
    </>
  );
}

type Wanted = {
  readonly entity: string | undefined;
  readonly role: Key['role'] | undefined;
  readonly state: Key['state'];
};

function listing({ entity, role, state }: Wanted) {
  const query = { state, ...(entity !== undefined && { entity }), ...(role !== undefined && { role }) };
  return { params: { query } };
}

function KeysFile({ wanted }: { wanted: Wanted }) {
  const load = () => allOf('/v1/admin/keys', listing(wanted));
  return <CsvButton fileName="keys.csv" columns={COLUMNS} load={load} />;
}

function KeySelects({
  wanted: { role, state },
  onChange,
}: {
  wanted: Wanted;
  onChange: (changes: object) => void;
}) {
  return (
    <>
      <SelectBox
        label="Role"
        value={role ?? ALL}
        options={[{ value: ALL, label: 'All roles' }, ...KEY_ROLES.map((value) => ({ value, label: value }))]}
        onChange={(chosen) => onChange({ role: chosen || undefined })}
      />
      <SelectBox
        label="State"
        value={state}
        options={KEY_STATES.map((value) => ({ value, label: value }))}
        onChange={(chosen) => onChange({ state: chosen })}
      />
    </>
  );
}

function KeyTable({ wanted, isOfOne = false }: { wanted: Wanted; isOfOne?: boolean }) {
  const found = useInfiniteQuery(paging('/v1/admin/keys', listing(wanted)));
  const { rows, onEnd } = useRows(found);
  return (
    <div className="card">
      <Awaited of={found} lines={8}>
        {() => (
          <DataTable
            label="Keys"
            columns={isOfOne ? COLUMNS_OF_ONE : SHOWN_COLUMNS}
            rows={rows}
            keyOf={({ id }) => id}
            onEnd={onEnd}
            empty={<Empty title="No key matches">Change the filter, or make a key.</Empty>}
          />
        )}
      </Awaited>
    </div>
  );
}

const TONES: Readonly<Record<Key['state'], Tone>> = { active: 'good', expired: 'warn', revoked: 'plain' };

const COLUMNS: readonly Column<Key>[] = [
  {
    id: 'name',
    header: 'Name',
    width: 14.7,
    cell: ({ name, id }) => (
      <>
        <span className="strong">{name}</span>
        <div>
          <Copyable text={id} what="key’s id" />
        </div>
      </>
    ),
    csv: ({ name }) => name,
  },
  { id: 'id', header: 'Id', cell: () => null, csv: ({ id }) => id },
  { id: 'role', header: 'Role', width: 5.4, cell: ({ role }) => role, csv: ({ role }) => role },
  {
    id: 'entity',
    header: 'Reaches',
    width: 7,
    cell: ({ entity }) =>
      entity === null ? <span className="quiet">all customers</span> : <CustomerLink entity={entity} />,
    csv: ({ entity }) => entity,
  },
  {
    id: 'state',
    header: 'State',
    width: 5,
    cell: ({ state }) => <Badge tone={TONES[state]}>{state}</Badge>,
    csv: ({ state }) => state,
  },
  {
    id: 'last_used_at',
    header: 'Last used',
    width: 6.2,
    cell: (key) => <LastUsed at={key.last_used_at} />,
    csv: (key) => timeOf(key.last_used_at),
  },
  {
    id: 'expires_at',
    header: 'Ends',
    width: 5.6,
    cell: (key) => <Ends at={key.expires_at} />,
    csv: (key) => timeOf(key.expires_at),
  },
  {
    id: 'created_at',
    header: 'Made',
    width: 7,
    cell: ({ created_at: at }) => <span title={isoOf(at)}>{dayOf(at)}</span>,
    csv: (key) => timeOf(key.created_at),
  },
  { id: 'acts', header: 'Change', width: 12.8, cell: (key) => <Acts of={key} /> },
];
/** Files have columns for the id, which the page shows beside the name, and for the state, which its filter names. */
const SHOWN_COLUMNS = COLUMNS.filter(({ id }) => id !== 'id' && id !== 'state');
/** There is room for the three buttons of a key in one line. */
const COLUMNS_OF_ONE = SHOWN_COLUMNS.filter(({ id }) => id !== 'entity').map((column) =>
  column.id === 'acts' ? { ...column, width: 17.6 } : column,
);

function timeOf(at: number | null): string | null {
  return at === null ? null : isoOf(at);
}

function LastUsed({ at }: { at: number | null }) {
  return at === null ? <span className="quiet">never</span> : <Moment at={at} isRelative />;
}

function Ends({ at }: { at: number | null }) {
  return at === null ? <span className="quiet">never</span> : <Moment at={at} />;
}

function Acts({ of: key }: { of: Key }) {
  const session = useSignedIn();
  const isOwn = session.key.id === key.id;
  return (
    <span className="row">
      <Rename of={key} />
      {key.state !== 'revoked' && !isOwn && (
        <>
          <Rotate of={key} />
          <Revoke of={key} />
        </>
      )}
      {isOwn && <span className="quiet">you are signed in with it</span>}
      {key.successor !== null && <span className="quiet">followed by {key.successor}</span>}
    </span>
  );
}
