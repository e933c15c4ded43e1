/** Changes the limits of a customer. The preview says what the next request would get. */
import { useState } from 'react';
import { answered, api, type Schemas } from '../../../api/client.js';
import { ActDialog, type ActHeaders } from '../../../parts/act-dialog.js';
import { Choice, TextBox } from '../../../parts/fields.js';
import { picosOf, plainAmount, roundUsd } from '../../../parts/money.js';
import { nextSentence, type NextState } from '../next-request.js';
import { limitsOf } from './limits-of.js';

type Entity = Schemas['Entity'];
type Patch = Schemas['LimitsPatch'];

/** Of the field of a limit: empty is the plan's, `none` is no limit. Names the plan's where it is the one in force. */
function hintOf({ source, value }: Limit, words: (value: string) => string): string {
  const plans = source === 'own' ? '' : ` (${value === null ? 'no limit' : words(String(value))})`;
  return `Empty: as the plan says${plans}. “none”: no limit.`;
}

const MODES = [
  { value: 'enforce', label: 'Enforce' },
  { value: 'shadow', label: 'Shadow' },
  { value: 'off', label: 'Off' },
] as const;

const OVERAGES = [
  { value: 'inherit', label: 'As the plan says' },
  { value: 'blocked', label: 'Blocked' },
  { value: 'allowed', label: 'Allowed' },
] as const;

type Limit = { readonly value: string | number | null; readonly source: 'own' | 'plan' | null };

type Typed = {
  readonly monthly: string;
  readonly yearly: string;
  readonly concurrent: string;
  readonly overage: (typeof OVERAGES)[number]['value'];
  readonly mode: Entity['quota_mode'];
};

export function ChangeLimits({
  entity,
  state,
  onClose,
}: {
  entity: Entity;
  state: NextState;
  onClose: () => void;
}) {
  const [typed, setTyped] = useState(() => typedOf(entity));
  const patch = (dryRun: boolean, headers?: ActHeaders) =>
    answered(
      api.PATCH('/v1/admin/entities/{entity}/limits', {
        params: { path: { entity: entity.entity }, query: { dry_run: dryRun } },
        headers,
        body: bodyOf(typed),
      }),
    );
  return (
    <ActDialog
      title={`Limits of ${entity.entity}`}
      verb="Save"
      entity={entity.entity}
      onClose={onClose}
      preview={async () => {
        const after = await patch(true);
        return { sentences: [...changesBetween(entity, after), nextSentence(limitsOf(after), state)] };
      }}
      perform={async (headers) => {
        await patch(false, headers);
        return `The limits of ${entity.entity} are in force from the next request on.`;
      }}
      fields={
        <Fields
          entity={entity}
          typed={typed}
          onChange={(change) => setTyped((before) => ({ ...before, ...change }))}
        />
      }
    />
  );
}

function Fields({
  entity: { limits },
  typed,
  onChange,
}: {
  entity: Entity;
  typed: Typed;
  onChange: (change: Partial<Typed>) => void;
}) {
  const usd = (text: string) => roundUsd(picosOf(text));
  return (
    <>
      <TextBox
        name="monthly_cap_usd"
        label="Monthly cap (US dollars)"
        hint={hintOf(limits.monthly_cap_usd, usd)}
        value={typed.monthly}
        onChange={(monthly) => onChange({ monthly })}
      />
      <TextBox
        name="yearly_cap_usd"
        label="Yearly cap (US dollars)"
        hint={hintOf(limits.yearly_cap_usd, usd)}
        value={typed.yearly}
        onChange={(yearly) => onChange({ yearly })}
      />
      <TextBox
        name="max_concurrent_requests"
        label="Requests in flight, at most"
        hint={hintOf(limits.max_concurrent_requests, (count) => count)}
        value={typed.concurrent}
        onChange={(concurrent) => onChange({ concurrent })}
      />
      <Choice
        name="overage"
        label="When the credits are gone"
        hint="Blocked: requests are refused. Allowed: they go on, and their cost is overage."
        value={typed.overage}
        options={OVERAGES}
        onChange={(overage) => onChange({ overage })}
      />
      <Choice
        name="quota_mode"
        label="Mode"
        hint="Shadow admits every request, and records what would be refused. Off checks nothing."
        value={typed.mode}
        options={MODES}
        onChange={(mode) => onChange({ mode })}
      />
    </>
  );
}

function typedOf({ limits, quota_mode: mode }: Entity): Typed {
  return {
    monthly: ownText(limits.monthly_cap_usd),
    yearly: ownText(limits.yearly_cap_usd),
    concurrent: ownText(limits.max_concurrent_requests),
    overage: limits.overage.source === 'own' ? limits.overage.value : 'inherit',
    mode,
  };
}

function bodyOf({ monthly, yearly, concurrent, overage, mode }: Typed): Patch {
  return {
    monthly_cap_usd: amountOf(monthly),
    yearly_cap_usd: amountOf(yearly),
    max_concurrent_requests: countOf(concurrent),
    overage,
    quota_mode: mode,
  };
}

/** Of a limit that the customer or project has for itself. */
export function ownText(limit: Limit): string {
  if (limit.source !== 'own') return '';
  return limit.value === null ? 'none' : String(limit.value);
}

export function amountOf(typed: string): string | null {
  const text = typed.trim().toLowerCase();
  if (text === '') return 'inherit';
  return text === 'none' ? null : plainAmount(text);
}

/** A text that is no count is sent as it is, and the API says what is wrong with it. */
export function countOf(typed: string): Patch['max_concurrent_requests'] {
  const text = typed.trim().toLowerCase();
  if (text === '') return 'inherit';
  if (text === 'none') return null;
  return /^\d+$/.test(text) ? Number(text) : (text as 'inherit');
}

function changesBetween(before: Entity, after: Entity): string[] {
  const all = [
    said('The monthly cap', before.monthly_cap_usd, after.monthly_cap_usd),
    said('The yearly cap', before.yearly_cap_usd, after.yearly_cap_usd),
    before.max_concurrent_requests === after.max_concurrent_requests
      ? null
      : `Requests in flight: from ${before.max_concurrent_requests ?? 'no limit'} to ${after.max_concurrent_requests ?? 'no limit'}.`,
    before.overage === after.overage ? null : `Overage: from ${before.overage} to ${after.overage}.`,
    before.quota_mode === after.quota_mode
      ? null
      : `The mode: from ${before.quota_mode} to ${after.quota_mode}.`,
  ].filter((sentence) => sentence !== null);
  return all.length === 0 ? ['No limit in force changes.'] : all;
}

export function said(name: string, before: string | null, after: string | null): string | null {
  if (before === after) return null;
  const words = (usd: string | null) => (usd === null ? 'no limit' : roundUsd(picosOf(usd)));
  return `${name}: from ${words(before)} to ${words(after)}.`;
}
