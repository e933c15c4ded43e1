/** Creating a plan, or changing it for all its customers, with what it changes for whom. */
import { useState } from 'react';
import { answered, api, type Schemas } from '../../api/client.js';
import { ActButton } from '../../parts/act-button.js';
import { ActDialog, type ActHeaders } from '../../parts/act-dialog.js';
import { AmountBox, Choice, TextBox } from '../../parts/fields.js';
import { picosOf, roundUsd } from '../../parts/money.js';
import { plural } from '../../parts/times.js';

type Plan = Schemas['Plan'];
type Customer = Schemas['Customer'];

const OVERAGES = [
  { value: 'blocked', label: 'Blocked' },
  { value: 'allowed', label: 'Allowed' },
] as const;
const NAMES_MAX = 8;

export function ChangePlan({ plan }: { plan?: Plan }) {
  return (
    <ActButton
      needs="PUT /v1/admin/plans/{plan}"
      label={plan === undefined ? 'Make a plan…' : 'Change…'}
      {...(plan === undefined ? { className: 'primary' } : {})}
    >
      {(close) => <PlanDialog plan={plan} onClose={close} />}
    </ActButton>
  );
}

type Draft = {
  readonly monthly: string;
  readonly yearly: string;
  readonly overage: Schemas['Overage'];
  readonly concurrent: string;
  readonly credit: string;
};

function PlanDialog({ plan, onClose }: { plan: Plan | undefined; onClose: () => void }) {
  const [name, setName] = useState(plan?.plan ?? '');
  const [draft, setDraft] = useState<Draft>({
    monthly: plan?.monthly_cap_usd ?? '',
    yearly: plan?.yearly_cap_usd ?? '',
    overage: plan?.overage ?? 'blocked',
    concurrent: plan?.max_concurrent_requests == null ? '' : String(plan.max_concurrent_requests),
    credit: plan?.monthly_credit_usd ?? '0',
  });
  const usdOr = <T,>(typed: string, none: T) => typed.trim().replace(/^\$/, '').replaceAll(',', '') || none;
  const send = (headers: ActHeaders | null) =>
    answered(
      api.PUT('/v1/admin/plans/{plan}', {
        params: { path: { plan: name.trim() }, query: { dry_run: headers === null } },
        ...(headers === null ? {} : { headers }),
        body: {
          monthly_cap_usd: usdOr(draft.monthly, null),
          yearly_cap_usd: usdOr(draft.yearly, null),
          overage: draft.overage,
          max_concurrent_requests: draft.concurrent.trim() === '' ? null : Number(draft.concurrent),
          monthly_credit_usd: usdOr(draft.credit, '0'),
        },
      }),
    );
  return (
    <ActDialog
      title={plan === undefined ? 'Make a plan' : `Change the plan ${plan.plan}`}
      verb={plan === undefined ? 'Make it' : 'Change it'}
      entity={null}
      fields={
        <>
          {plan === undefined && (
            <TextBox name="plan" label="Name" isRequired value={name} onChange={setName} />
          )}
          <PlanFields draft={draft} onChange={setDraft} />
        </>
      }
      onClose={onClose}
      preview={async () => {
        const after = await send(null);
        return { sentences: await planSentences(plan, after) };
      }}
      perform={async (headers) => {
        const { plan: saved } = await send(headers);
        return `The plan ${saved} is ${plan === undefined ? 'made' : 'changed'}, in force for the next decision.`;
      }}
    />
  );
}

function PlanFields({ draft, onChange }: { draft: Draft; onChange: (draft: Draft) => void }) {
  const set = (changes: Partial<Draft>) => onChange({ ...draft, ...changes });
  return (
    <>
      <div className="columns">
        <AmountBox
          name="monthly_cap_usd"
          label="Monthly cap"
          hint="Empty is no limit"
          value={draft.monthly}
          onChange={(monthly) => set({ monthly })}
        />
        <AmountBox
          name="yearly_cap_usd"
          label="Yearly cap"
          hint="Empty is no limit"
          value={draft.yearly}
          onChange={(yearly) => set({ yearly })}
        />
        <TextBox
          name="max_concurrent_requests"
          label="Requests in flight"
          hint="Empty is no limit"
          value={draft.concurrent}
          onChange={(concurrent) => set({ concurrent })}
        />
        <AmountBox
          name="monthly_credit_usd"
          label="Credits each month"
          hint="Promotional; 0 is none"
          value={draft.credit}
          onChange={(credit) => set({ credit })}
        />
      </div>
      <Choice
        name="overage"
        label="Overage"
        hint="Whether requests go on after the credits are gone"
        options={OVERAGES}
        value={draft.overage}
        onChange={(overage) => set({ overage })}
      />
    </>
  );
}

async function planSentences(before: Plan | undefined, after: Plan): Promise<string[]> {
  if (before === undefined) return [`The plan ${after.plan} is made; no customer has it yet.`];
  const changes = changesOf(before, after);
  if (changes.length === 0) return ['Nothing differs.'];
  const { data, totals } = await answered(
    api.GET('/v1/entities', {
      params: { query: { plan: before.plan, limit: 100, sort: '-month_to_date_usd' } },
    }),
  );
  return [
    ...changes,
    customersSentence(before.plan, totals.entities),
    ...reachedSentences(data, before, after),
  ];
}

function changesOf(before: Plan, after: Plan): string[] {
  const usd = (value: string | null) => (value === null ? 'no limit' : roundUsd(picosOf(value)));
  const facts: [string, string, string][] = [
    ['Monthly cap', usd(before.monthly_cap_usd), usd(after.monthly_cap_usd)],
    ['Yearly cap', usd(before.yearly_cap_usd), usd(after.yearly_cap_usd)],
    ['Overage', before.overage, after.overage],
    [
      'Requests in flight',
      String(before.max_concurrent_requests ?? 'no limit'),
      String(after.max_concurrent_requests ?? 'no limit'),
    ],
    ['Credits each month', usd(before.monthly_credit_usd), usd(after.monthly_credit_usd)],
  ];
  return facts.filter(([, was, is]) => was !== is).map(([name, was, is]) => `${name}: ${was} → ${is}.`);
}

function customersSentence(plan: string, count: number): string {
  if (count === 0) return `No customer has the plan ${plan}.`;
  return `It counts for ${plural(count, 'customer')} of the plan ${plan}, but not where a customer has a limit of its own.`;
}

/** Of those that spent most: who would be refused at once under a lower cap. */
function reachedSentences(customers: readonly Customer[], before: Plan, after: Plan): string[] {
  if (after.monthly_cap_usd === null) return [];
  const cap = picosOf(after.monthly_cap_usd);
  const was = before.monthly_cap_usd;
  const reached = customers.filter(
    ({ monthly_cap_usd: theirs, month_to_date_usd: spent }) =>
      theirs === was && picosOf(spent) >= cap && cap > 0n,
  );
  const isNew = was === null || picosOf(was) > cap;
  if (!isNew || reached.length === 0) return [];
  const names = reached.slice(0, NAMES_MAX).map(({ entity }) => entity);
  const rest = reached.length - names.length;
  return [
    `Refused from the next request on, because they have already spent that much this month: ${names.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}.`,
  ];
}
