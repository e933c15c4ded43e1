/** Moves a customer to another plan, or creates one that does not exist yet. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { answered, api, reading, type Schemas } from '../../../api/client.js';
import { ActDialog, type ActHeaders } from '../../../parts/act-dialog.js';
import { SelectBox } from '../../../parts/select-box.js';
import { nextSentence, type NextState } from '../next-request.js';
import { said } from './change-limits.js';
import { limitsOf } from './limits-of.js';

export function ChangePlan({
  entity,
  state,
  onClose,
}: {
  entity: Schemas['Entity'];
  state: NextState;
  onClose: () => void;
}) {
  const [plan, setPlan] = useState(entity.plan);
  const plans = useQuery(reading('/v1/admin/plans', { params: { query: { limit: 100 } } }));
  const names = plans.data?.data.map((each) => each.plan) ?? [entity.plan];
  const put = (dryRun: boolean, headers?: ActHeaders) =>
    answered(
      api.PUT('/v1/admin/entities/{entity}', {
        params: { path: { entity: entity.entity }, query: { dry_run: dryRun } },
        headers,
        body: { plan },
      }),
    );
  return (
    <ActDialog
      title={`Plan of ${entity.entity}`}
      verb="Move"
      entity={entity.entity}
      onClose={onClose}
      preview={async () => {
        const after = await put(true);
        return {
          sentences: [
            `${entity.entity} moves from the plan ${entity.plan} to ${after.plan}.`,
            said('The monthly cap', entity.monthly_cap_usd, after.monthly_cap_usd) ??
              'The monthly cap stays.',
            said('The yearly cap', entity.yearly_cap_usd, after.yearly_cap_usd) ?? 'The yearly cap stays.',
            entity.overage === after.overage
              ? 'Overage stays.'
              : `Overage: from ${entity.overage} to ${after.overage}.`,
            nextSentence(limitsOf(after), state),
          ],
        };
      }}
      perform={async (headers) => `${entity.entity} is on the plan ${(await put(false, headers)).plan}.`}
      fields={
        <SelectBox
          label="Plan"
          value={plan}
          options={names.map((name) => ({ value: name, label: name }))}
          onChange={setPlan}
        />
      }
    />
  );
}
