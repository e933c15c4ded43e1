/** A customer's own monthly limit, of all its spend or of a project's, which its owners set. The provider's caps stay beside it. */
import { useState } from 'react';
import { api, organization } from '../../../api/client.js';
import { ApiError } from '../../../api/errors.js';
import { ActDialog } from '../../../parts/act-dialog.js';
import { AmountBox } from '../../../parts/fields.js';
import {
  exactUsd,
  PICOS_PER_USD,
  picosOf,
  picosOrNull,
  readableUsd,
  roundUsd,
  typedPicos,
} from '../../../parts/money.js';
import { nextSentence, type NextLimits, type NextState } from '../next-request.js';

/** What decides about the customer's next request now. */
export type NextOf = { readonly limits: NextLimits; readonly state: NextState };

type Props = {
  readonly scope: { readonly entity: string; readonly project: string | null };
  /** Of the current month. */
  readonly spentUsd: string;
  /** In force: the lower one of the provider's cap and of `limitUsd`. */
  readonly capUsd: string | null;
  readonly limitUsd: string | null;
  readonly next: NextOf | null;
  readonly onClose: () => void;
};

const PICOS_PER_CENT = PICOS_PER_USD / 100n;

export function SpendLimit(props: Props) {
  const { scope, limitUsd, onClose } = props;
  const [typed, setTyped] = useState(limitUsd ?? '');
  const name = scope.project === null ? scope.entity : `${scope.entity}/${scope.project}`;
  return (
    <ActDialog
      title={`Spend limit of ${name}`}
      verb="Save"
      entity={scope.entity}
      onClose={onClose}
      preview={async () => {
        const limit = limitOf(typed, limitUsd);
        await send(scope, limit, { dryRun: true });
        return { sentences: sentencesOf(props, limit) };
      }}
      perform={async (headers) => {
        const limit = limitOf(typed, limitUsd);
        await send(scope, limit, { dryRun: false, headers });
        return limit === null
          ? `${name} has no spend limit of its own any more.`
          : `${name} spends at most ${roundUsd(limit)} a month, from the next request on.`;
      }}
      fields={
        <>
          <p>
            Requests are refused once the month has cost this much. The provider’s cap stays: the lower one
            counts.
          </p>
          <AmountBox
            name="threshold_usd"
            label="At most, in a month"
            hint="Empty: no limit of your own"
            value={typed}
            onChange={setTyped}
          />
        </>
      }
    />
  );
}

/** Null is no limit. Throws an error at the field for what cannot be one. */
function limitOf(typed: string, before: string | null): bigint | null {
  const message =
    typed.trim() === '' && before === null
      ? 'There is no limit to remove: type an amount.'
      : 'The limit must be an amount of US dollars above 0, such as 250 or 99.50.';
  if (typed.trim() === '' && before !== null) return null;
  const picos = typedPicos(typed);
  if (picos === null || picos < PICOS_PER_CENT)
    throw new ApiError({ status: 400, param: 'threshold_usd', message });
  return picos;
}

type Sent = { dryRun: boolean; headers?: { 'Idempotency-Key': string } };

async function send({ entity, project }: Props['scope'], limit: bigint | null, { dryRun, headers }: Sent) {
  const params = { ...organization(entity), query: { dry_run: dryRun } };
  const all = headers === undefined ? {} : { headers };
  if (limit === null) {
    return project === null
      ? api.DELETE('/v1/organization/spend_limit', { params, ...all })
      : api.DELETE('/v1/organization/projects/{project}/spend_limit', {
          params: { ...params, path: { project } },
          ...all,
        });
  }
  const body = {
    threshold_amount: Number(limit / PICOS_PER_CENT),
    threshold_usd: exactUsd(limit),
    currency: 'USD' as const,
    interval: 'month' as const,
  };
  return project === null
    ? api.POST('/v1/organization/spend_limit', { params, ...all, body })
    : api.POST('/v1/organization/projects/{project}/spend_limit', {
        params: { ...params, path: { project } },
        ...all,
        body,
      });
}

function sentencesOf({ spentUsd, capUsd, limitUsd, next, scope }: Props, limit: bigint | null): string[] {
  const [before, cap, spent] = [picosOrNull(limitUsd), picosOrNull(capUsd), picosOf(spentUsd)];
  const words = (picos: bigint | null) => (picos === null ? 'no limit of your own' : roundUsd(picos));
  // While the own limit is the lower one, the provider's cap is not told.
  const isCapUnknown = before !== null && before === cap;
  const others = isCapUnknown ? null : cap;
  const effective = limit === null || (others !== null && others < limit) ? others : limit;
  const isRaised = isCapUnknown && (limit === null || limit > before);
  return [
    before === limit ? `It stays ${words(limit)}.` : `From ${words(before)} to ${words(limit)} a month.`,
    next !== null && !isRaised
      ? nextSentence({ ...next.limits, monthlyCapPicos: effective }, next.state)
      : spentSentence(spent, limit, scope.project),
    ...(isRaised ? ['Where the provider’s cap is lower, that one counts.'] : []),
  ];
}

function spentSentence(spent: bigint, limit: bigint | null, project: string | null): string {
  const whose = project ?? 'This month';
  const fact = `${whose} has ${project === null ? 'cost' : 'spent'} ${readableUsd(spent)}${project === null ? ' so far' : ' this month'}`;
  return limit !== null && spent >= limit
    ? `The next request would be refused: ${fact}.`
    : `${fact}, so this limit does not refuse the next request.`;
}
