/** The controls of the explorer: groups, buckets, days and filters. */
import { useQuery } from '@tanstack/react-query';
import { useId, useState } from 'react';
import { reading } from '../../api/client.js';
import { addDays, secondsOfDay } from '../../parts/calendar.js';
import { DayInput } from '../../parts/day-input.js';
import { SelectBox } from '../../parts/select-box.js';
import { MEASURE_LABELS, MEASURES } from '../../parts/words.js';
import { METERS } from '../../parts/meters.js';
import { Segmented } from '../../parts/segmented.js';
import type { Explored } from './explored.js';
import { fieldLabel, FIELDS, isField, withFilter, writeFilters, type Filter } from './filters.js';
import { nameIn } from './groups.js';
import { TOPS, WIDTHS } from './route.js';

const WIDTH_LABELS = { '1h': 'Hours', '1d': 'Days', '1mo': 'Months' } as const;
const NONE = '';
const TAG = 'tag:';

export function UsageControls({ of }: { of: Explored }) {
  const { search, change, width, show, top, from, to } = of;
  const [by = 'model', and = NONE] = of.groups;
  return (
    <div className="stack">
      <div className="toolbar">
        <GroupSelect label="By" value={by} onChange={(next) => change({ by: next })} />
        <GroupSelect
          label="and"
          value={and}
          isOptional
          onChange={(next) => change({ and: next || undefined })}
        />
        <Segmented
          label="Buckets"
          value={width}
          options={WIDTHS.map((value) => ({ value, label: WIDTH_LABELS[value] }))}
          onChange={(next) => change({ width: next })}
        />
        <Segmented
          label="Measure"
          value={show}
          options={MEASURES.map((value) => ({ value, label: MEASURE_LABELS[value] }))}
          onChange={(next) => change({ show: next })}
        />
        <div className="row">
          <DayInput label="From" value={from} onChange={(day) => day !== '' && change({ from: day, to })} />
          <DayInput label="to" value={to} onChange={(day) => day !== '' && change({ from, to: day })} />
        </div>
        <SelectBox
          label="Show"
          value={top}
          options={TOPS.map((value) => ({
            value,
            label: value === 'all' ? 'All groups' : `Largest ${value}`,
          }))}
          onChange={(next) => change({ top: TOPS.find((each) => each === next) })}
        />
      </div>
      <FilterForm of={of} />
      {of.filters.length > 0 && (
        <ul className="chips" aria-label="Filters">
          {of.filters.map((filter) => (
            <Chip key={`${filter.field} ${filter.value}`} filter={filter} of={of} />
          ))}
        </ul>
      )}
      {search.by?.startsWith(TAG) && !isField(search.by) && (
        <p className="quiet">Name the tag to group by.</p>
      )}
    </div>
  );
}

function Chip({ filter, of }: { filter: Filter; of: Explored }) {
  const label = `${fieldLabel(filter.field)}: ${nameIn(filter.field, filter.value)}`;
  const rest = of.filters.filter((each) => each !== filter);
  return (
    <li className="chip">
      {label}
      <button
        type="button"
        aria-label={`Remove the filter ${label}`}
        onClick={() => of.change({ filters: writeFilters(rest) })}
      >
        ✕
      </button>
    </li>
  );
}

/** A tag is chosen by typing its name. */
function GroupSelect({
  label,
  value,
  isOptional = false,
  onChange,
}: {
  label: string;
  value: string;
  isOptional?: boolean;
  onChange: (field: string) => void;
}) {
  const [isTag, setTag] = useState(value.startsWith(TAG));
  const options = [
    ...(isOptional ? [{ value: NONE, label: 'nothing else' }] : []),
    ...FIELDS.map((field) => ({ value: field as string, label: fieldLabel(field) })),
    { value: TAG, label: 'Tag…' },
  ];
  const choose = (next: string) => {
    setTag(next === TAG);
    if (next !== TAG) onChange(next);
  };
  return (
    <>
      <SelectBox label={label} value={isTag ? TAG : value} options={options} onChange={choose} />
      {isTag && <TagName key={value} value={value} onChange={onChange} />}
    </>
  );
}

function TagName({ value, onChange }: { value: string; onChange: (field: string) => void }) {
  const [name, setName] = useState(value.startsWith(TAG) ? value.slice(TAG.length) : '');
  return (
    <form
      className="row"
      onSubmit={(event) => {
        event.preventDefault();
        if (isField(`${TAG}${name.trim()}`)) onChange(`${TAG}${name.trim()}`);
      }}
    >
      <label className="select">
        Tag name
        <input value={name} placeholder="team" onChange={({ target }) => setName(target.value)} />
      </label>
      <button type="submit">Group</button>
    </form>
  );
}

function FilterForm({ of }: { of: Explored }) {
  const [field, setField] = useState<string>('model');
  const [tag, setTag] = useState('');
  const [value, setValue] = useState('');
  const list = useId();
  const [isLooking, setLooking] = useState(false);
  const name = field === TAG ? `${TAG}${tag.trim()}` : field;
  const known = useKnownValues(of, name, isLooking);
  const add = () => {
    const meter = Object.keys(METERS).find((each) => nameIn('meter', each) === value);
    const given = field === 'meter' ? (meter ?? value) : value.trim();
    if (!isField(name) || given === '' || (field === 'meter' && !(given in METERS))) return;
    of.change({ filters: writeFilters(withFilter(of.filters, { field: name, value: given })) });
    setValue('');
  };
  return (
    <form
      className="row"
      onSubmit={(event) => {
        event.preventDefault();
        add();
      }}
    >
      <SelectBox
        label="Filter"
        value={field}
        options={[
          ...FIELDS.map((each) => ({ value: each as string, label: fieldLabel(each) })),
          { value: TAG, label: 'Tag…' },
        ]}
        onChange={setField}
      />
      {field === TAG && (
        <label className="select">
          Tag name
          <input value={tag} onChange={({ target }) => setTag(target.value)} />
        </label>
      )}
      <label className="search">
        <span className="unseen">Value of the filter</span>
        <input
          list={list}
          value={value}
          placeholder="Value"
          spellCheck={false}
          onFocus={() => setLooking(true)}
          onChange={({ target }) => setValue(target.value)}
        />
      </label>
      <datalist id={list}>
        {known.map((each) => (
          <option key={each} value={each} />
        ))}
      </datalist>
      <button type="submit">Add filter</button>
    </form>
  );
}

const KNOWN_MAX = 200;

/** The values of the field in the days shown, the most expensive first; asked for when somebody is about to choose one. */
function useKnownValues({ entity, from, to }: Explored, field: string, isWanted: boolean): string[] {
  const query = { group_by: field, start_time: secondsOfDay(from), end_time: secondsOfDay(addDays(to, 1)) };
  const params = { path: { entity }, query: query as never };
  const { data } = useQuery({
    ...reading('/v1/entities/{entity}/usage', { params }),
    enabled: isWanted && isField(field),
    retry: false,
  });
  const rows = (data?.data ?? []) as unknown as readonly Record<string, string | null>[];
  return rows.flatMap((row) => (row[field] ? nameIn(field, row[field]) : [])).slice(0, KNOWN_MAX);
}
