/** For how long each kind of data is kept, and what becomes of it. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { answered, api, reading, type Schemas } from '../../api/client.js';
import { ActButton } from '../../parts/act-button.js';
import { ActDialog, type ActHeaders } from '../../parts/act-dialog.js';
import { Awaited } from '../../parts/awaited.js';
import { Badge } from '../../parts/badge.js';
import { DataTable, type Column } from '../../parts/data-table.js';
import { TextBox } from '../../parts/fields.js';
import { groupDigits } from '../../parts/money.js';
import { PageHead } from '../../parts/page-head.js';
import { monthName, plural } from '../../parts/times.js';
import { SettingsTabs } from './settings-tabs.js';

type Kind = Schemas['RetentionOfKind'];
type Month = Schemas['EventMonth'];

export function Retention() {
  const retention = useQuery(reading('/v1/admin/settings/retention', {}));
  const months = useQuery(reading('/v1/admin/settings/retention/event_months', {}));
  return (
    <>
      <PageHead
        title="Retention"
        lead="How long data other than money is kept. Amounts, ledger, prices and statements are kept for ever."
      />
      <SettingsTabs />
      <div className="card">
        <Awaited of={retention} lines={10}>
          {({ kinds }) => (
            <DataTable label="Kinds of data" columns={COLUMNS} rows={kinds} keyOf={({ what }) => what} />
          )}
        </Awaited>
      </div>
      <section className="card stack">
        <h2 id="months">Months of events</h2>
        <Awaited of={months} lines={4}>
          {({ data }) =>
            data.length === 0 ? (
              <p className="quiet">No month of usage yet.</p>
            ) : (
              <DataTable
                label="Months of events"
                columns={MONTH_COLUMNS}
                rows={data}
                keyOf={({ month }) => month}
              />
            )
          }
        </Awaited>
      </section>
    </>
  );
}

const COLUMNS: readonly Column<Kind>[] = [
  { id: 'what', header: 'Data', width: 15, cell: ({ what }) => what },
  { id: 'kept', header: 'Kept', width: 7.5, cell: ({ kept }) => <span className="strong">{kept}</span> },
  { id: 'afterwards', header: 'Afterwards', width: 13.5, cell: ({ afterwards }) => afterwards },
  {
    id: 'act',
    header: 'Change',
    width: 6,
    cell: (kind) =>
      kind.setting === null ? (
        <span className="quiet">fixed</span>
      ) : (
        <Change kind={kind} setting={kind.setting} />
      ),
  },
];

const STATE_WORDS: Readonly<Record<Month['state'], string>> = {
  kept: 'kept',
  due: 'dropped soon',
  waiting: 'kept for a reason',
  dropped: 'dropped',
};

const MONTH_COLUMNS: readonly Column<Month>[] = [
  { id: 'month', header: 'Month', width: 9, cell: ({ month }) => monthName(month) },
  {
    id: 'state',
    header: 'State',
    width: 9,
    cell: ({ state }) => <Badge tone={state === 'due' ? 'warn' : 'plain'}>{STATE_WORDS[state]}</Badge>,
  },
  {
    id: 'waits',
    header: 'Waits for',
    width: 12,
    cell: ({ waits_for: waits }) =>
      waits.length === 0 ? '–' : waits.map((each) => each.replaceAll('_', ' ')).join(', '),
  },
  {
    id: 'events',
    header: 'Events',
    isNumber: true,
    width: 7,
    cell: ({ events }) => (events === null ? '–' : groupDigits(events)),
  },
];

function Change({ kind, setting }: { kind: Kind; setting: string }) {
  const [months, setMonths] = useState(/^\d+/.exec(kind.kept)?.[0] ?? '');
  const value = () => (months.trim() === '' ? null : Number(months));
  const send = (headers: ActHeaders | null) =>
    answered(
      api.PUT('/v1/admin/settings/retention', {
        params: { query: { dry_run: headers === null } },
        ...(headers === null ? {} : { headers }),
        body: { [setting]: value() },
      }),
    );
  return (
    <ActButton needs="PUT /v1/admin/settings/retention" label="Change…">
      {(close) => (
        <ActDialog
          title="Change how long it is kept"
          verb="Change it"
          entity={null}
          fields={
            <>
              <p>{kind.what}</p>
              <TextBox
                name={setting}
                label="Months"
                hint={`${kind.min_months ?? 1} to ${kind.max_months ?? ''}; empty is for ever`}
                value={months}
                onChange={setMonths}
              />
            </>
          }
          onClose={close}
          preview={async () => {
            await send(null);
            return { sentences: await sentencesOf(kind, setting, value()) };
          }}
          perform={async (headers) => {
            await send(headers);
            return 'It is changed.';
          }}
        />
      )}
    </ActButton>
  );
}

async function sentencesOf(kind: Kind, setting: string, months: number | null): Promise<string[]> {
  const kept = months === null ? 'for ever' : plural(months, 'month');
  const sentences = [`Kept: ${kind.kept} → ${kept}.`];
  if (months === null) return [...sentences, 'Nothing of it is deleted from now on.'];
  sentences.push(
    `Older data: ${kind.afterwards}. The next run of upkeep starts this, and it cannot be undone.`,
  );
  if (setting !== 'events_months') return sentences;
  const { data } = await answered(
    api.GET('/v1/admin/settings/retention/event_months', { params: { query: { events_months: months } } }),
  );
  const due = data.filter(({ state }) => state === 'due');
  if (due.length === 0) return [...sentences, 'No month of events is old enough yet.'];
  const events = due.reduce((sum, month) => sum + (month.events ?? 0), 0);
  return [
    ...sentences,
    `Dropped soon: ${due.map(({ month }) => monthName(month)).join(', ')}, ${plural(events, 'event')}.`,
  ];
}
