/** Creates a customer before its first request, on a plan. */
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { answered, api, reading } from '../../api/client.js';
import { ApiError, asApiError } from '../../api/errors.js';
import { ActButton } from '../../parts/act-button.js';
import { ActDialog, type ActHeaders } from '../../parts/act-dialog.js';
import { TextBox } from '../../parts/fields.js';
import { SelectBox } from '../../parts/select-box.js';
import { CustomerLink } from '../../parts/links.js';
import { picosOrNull, roundUsd } from '../../parts/money.js';

const FIRST_PLAN = 'free';

export function AddCustomer() {
  return (
    <ActButton needs="PUT /v1/admin/entities/{entity}" label="Add a customer…">
      {(close) => <AddDialog onClose={close} />}
    </ActButton>
  );
}

function AddDialog({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState('');
  const [plan, setPlan] = useState(FIRST_PLAN);
  const plans = useQuery(reading('/v1/admin/plans', { params: { query: { limit: 100 } } }));
  const names = plans.data?.data.map((each) => each.plan) ?? [FIRST_PLAN];
  const entity = name.trim();
  const put = (dryRun: boolean, headers?: ActHeaders) =>
    answered(
      api.PUT('/v1/admin/entities/{entity}', {
        params: { path: { entity }, query: { dry_run: dryRun } },
        headers,
        body: { plan },
      }),
    );
  return (
    <ActDialog
      title="Add a customer"
      verb="Add"
      entity={entity}
      onClose={onClose}
      preview={async () => {
        await requireNew(entity);
        const { monthly_cap_usd, overage } = await put(true);
        const cap = picosOrNull(monthly_cap_usd);
        return {
          sentences: [
            `${entity} is created on the plan ${plan}.`,
            cap === null ? 'No monthly cap limits it.' : `Its monthly cap is ${roundUsd(cap)}.`,
            overage === 'blocked'
              ? 'It has no credits, and overage is blocked: its requests are refused until you grant some.'
              : 'It has no credits, and overage is allowed: its requests are admitted.',
          ],
        };
      }}
      perform={async (headers) => {
        await put(false, headers);
        return createdSentence(entity);
      }}
      fields={
        <>
          <TextBox
            name="entity"
            label="Name"
            hint="As gateways send it: letters, digits, points, dashes and underscores"
            isRequired
            value={name}
            onChange={setName}
          />
          <SelectBox
            label="Plan"
            value={plan}
            options={names.map((each) => ({ value: each, label: each }))}
            onChange={setPlan}
          />
        </>
      }
    />
  );
}

function createdSentence(entity: string): ReactNode {
  return (
    <p>
      <CustomerLink entity={entity} /> is created. Grant credits and make its keys on its page.
    </p>
  );
}

/** The call that creates a customer would move one that exists to the plan. */
async function requireNew(entity: string): Promise<void> {
  const found = await api.GET('/v1/admin/entities/{entity}', { params: { path: { entity } } }).then(
    () => true,
    (error: unknown) => {
      if (asApiError(error).status === 404) return false;
      throw error;
    },
  );
  if (!found) return;
  throw new ApiError({
    status: 409,
    param: 'entity',
    message: `${entity} exists already: change its plan on its page.`,
  });
}
