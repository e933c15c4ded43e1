/** Replaying and discarding dead letters: one, or all of a filter. */
import { useState } from 'react';
import { api, type Schemas } from '../../api/client.js';
import { TextBox } from '../../parts/fields.js';
import { SelectBox } from '../../parts/select-box.js';
import { plural } from '../../parts/times.js';
import { countGoing, InboxAct, takenSentence } from './inbox-act.js';
import { USAGE_FORMATS } from './usage-formats.js';
import { codeWords } from './words.js';

type Letter = Schemas['DeadLetter'];
type Mending = Schemas['Mending'];
type Batch = Schemas['DeadLetterBatch'];
type Status = Schemas['DeadLetterStatus'];
export type Filter = Pick<Schemas['DiscardOrder'], 'code' | 'entity' | 'reason' | 'start_time' | 'end_time'>;

const AS_IT_IS = '';

export function ReplayOne({ letter }: { letter: Letter }) {
  const [mending, fields] = useMending();
  return (
    <InboxAct
      needs="POST /v1/admin/dead_letters/{id}/replay"
      label="Replay…"
      className="primary"
      title="Replay this event"
      verb="Replay"
      entity={letter.entity}
      fields={fields}
      send={({ query, headers }) =>
        api.POST('/v1/admin/dead_letters/{id}/replay', {
          params: { path: { id: letter.id }, query },
          headers,
          body: mending(),
        })
      }
      sentences={() => [
        'The event goes to the queue again. If it still cannot be counted, it comes back here.',
        ...mendingSentences(mending()),
        ...(letter.status === 'open' ? [] : [`It was ${letter.status} before.`]),
      ]}
      outcome={() => 'The event is on the queue.'}
    />
  );
}

export function DiscardOne({ letter }: { letter: Letter }) {
  return (
    <InboxAct
      needs="POST /v1/admin/dead_letters/{id}/discard"
      label="Discard…"
      className="danger"
      title="Discard this event"
      verb="Discard"
      entity={letter.entity}
      fields={<p>{letter.message}</p>}
      send={({ query, headers }) =>
        api.POST('/v1/admin/dead_letters/{id}/discard', {
          params: { path: { id: letter.id }, query },
          headers,
        })
      }
      sentences={() => [
        'The event is never counted or charged.',
        'It stays in the list of discarded ones and can be replayed from there.',
      ]}
      outcome={() => 'The event is discarded.'}
    />
  );
}

type Bulk = { readonly filter: Filter; readonly status: Status };

export function ReplayAll({ filter, status }: Bulk) {
  const [mending, fields] = useMending();
  const order = () => {
    const mend = mending();
    return { ...filter, status: status as 'open' | 'discarded', ...(mend === null ? {} : { mend }) };
  };
  return (
    <InboxAct<Batch>
      needs="POST /v1/admin/dead_letters/replay"
      label="Replay all shown…"
      title="Replay all that match the filter"
      verb="Replay all"
      entity={filter.entity ?? null}
      fields={
        <>
          <p>{takenOf(filter, status)}</p>
          {fields}
        </>
      }
      send={({ query, headers }) =>
        api.POST('/v1/admin/dead_letters/replay', { params: { query }, headers, body: order() })
      }
      sentences={(answer) => [
        `${countGoing(answer, 'event')} to the queue again. Those that still cannot be counted come back here.`,
        ...mendingSentences(mending()),
      ]}
      outcome={({ answered: count }) => `${plural(count, 'event')} went to the queue.`}
    />
  );
}

export function DiscardAll({ filter, status }: Bulk) {
  return (
    <InboxAct<Batch>
      needs="POST /v1/admin/dead_letters/discard"
      label="Discard all shown…"
      className="danger"
      title="Discard all that match the filter"
      verb="Discard all"
      entity={filter.entity ?? null}
      fields={<p>{takenOf(filter, status)}</p>}
      send={({ query, headers }) =>
        api.POST('/v1/admin/dead_letters/discard', {
          params: { query },
          headers,
          body: { ...filter, status: status as 'open' | 'replayed' },
        })
      }
      sentences={(answer) => [
        `${countGoing(answer, 'event')} to the discarded ones. They are never counted or charged.`,
        'Each can be replayed from there.',
      ]}
      outcome={({ answered: count }) => `${plural(count, 'event')} ${count === 1 ? 'is' : 'are'} discarded.`}
    />
  );
}

function takenOf(filter: Filter, status: Status): string {
  const { code, reason } = filter;
  return takenSentence(`Dead letters that are ${status}`, filter, [
    ...(code === undefined ? [] : [codeWords(code)]),
    ...(reason === undefined ? [] : [`whose message has “${reason}”`]),
  ]);
}

/** What a replay changes of each event: null where it changes nothing. */
function useMending(): [() => Mending | null, React.ReactNode] {
  const [format, setFormat] = useState(AS_IT_IS);
  const [model, setModel] = useState('');
  const [subject, setSubject] = useState('');
  const [time, setTime] = useState('');
  const read = (): Mending | null => {
    const mending: Mending = {
      ...(format === AS_IT_IS ? {} : { usage_format: format as NonNullable<Mending['usage_format']> }),
      ...(model.trim() === '' ? {} : { model: model.trim() }),
      ...(subject.trim() === '' ? {} : { subject: subject.trim() }),
      ...(time.trim() === '' ? {} : { time: time.trim() }),
    };
    return Object.keys(mending).length === 0 ? null : mending;
  };
  const fields = (
    <>
      <p className="quiet">Correct what was wrong, or leave all fields empty to send it unchanged.</p>
      <SelectBox
        label="Usage format"
        value={format}
        options={[
          { value: AS_IT_IS, label: 'detected by its fields' },
          ...USAGE_FORMATS.map((each) => ({ value: each, label: each })),
        ]}
        onChange={setFormat}
      />
      <TextBox name="model" label="Model" value={model} onChange={setModel} />
      <TextBox
        name="subject"
        label="Customer and project"
        hint="entity/project"
        value={subject}
        onChange={setSubject}
      />
      <TextBox
        name="time"
        label="Time"
        hint="In UTC, such as 2026-11-21T14:02:00Z"
        value={time}
        onChange={setTime}
      />
    </>
  );
  return [read, fields];
}

function mendingSentences(mending: Mending | null): string[] {
  if (mending === null) return ['It is sent as it arrived.'];
  return [
    ...(mending.usage_format === undefined ? [] : [`Its usage is read as ${mending.usage_format}.`]),
    ...(mending.model === undefined ? [] : [`Its model becomes ${mending.model}.`]),
    ...(mending.subject === undefined ? [] : [`${mending.subject} pays.`]),
    ...(mending.time === undefined ? [] : [`Its time becomes ${mending.time}.`]),
  ];
}
