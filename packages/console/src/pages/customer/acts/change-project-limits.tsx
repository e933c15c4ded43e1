/** Changes the limits of one project, within those of its customer. */
import { useState } from 'react';
import { answered, api, type Schemas } from '../../../api/client.js';
import { ActDialog, type ActHeaders } from '../../../parts/act-dialog.js';
import { TextBox } from '../../../parts/fields.js';
import { picosOf, readableUsd } from '../../../parts/money.js';
import { amountOf, countOf, ownText, said } from './change-limits.js';

const HINT = 'Empty: no limit.';

export function ChangeProjectLimits({
  project,
  spentUsd,
  onClose,
}: {
  project: Schemas['Project'];
  /** Of the current month. */
  spentUsd: string;
  onClose: () => void;
}) {
  const { entity, project: name, limits } = project;
  const [monthly, setMonthly] = useState(ownText(limits.monthly_cap_usd));
  const [concurrent, setConcurrent] = useState(ownText(limits.max_concurrent_requests));
  const patch = (dryRun: boolean, headers?: ActHeaders) =>
    answered(
      api.PATCH('/v1/admin/entities/{entity}/projects/{project}/limits', {
        params: { path: { entity, project: name }, query: { dry_run: dryRun } },
        headers,
        body: { monthly_cap_usd: amountOf(monthly), max_concurrent_requests: countOf(concurrent) },
      }),
    );
  return (
    <ActDialog
      title={`Limits of ${entity}/${name}`}
      verb="Save"
      entity={entity}
      onClose={onClose}
      preview={async () => ({ sentences: sentencesOf(project, await patch(true), spentUsd) })}
      perform={async (headers) => {
        await patch(false, headers);
        return `The limits of ${entity}/${name} are in force from the next request on.`;
      }}
      fields={
        <>
          <TextBox
            name="monthly_cap_usd"
            label="Monthly cap (US dollars)"
            hint={HINT}
            value={monthly}
            onChange={setMonthly}
          />
          <TextBox
            name="max_concurrent_requests"
            label="Requests in flight, at most"
            hint={HINT}
            value={concurrent}
            onChange={setConcurrent}
          />
        </>
      }
    />
  );
}

function sentencesOf(before: Schemas['Project'], after: Schemas['Project'], spentUsd: string): string[] {
  const cap = after.monthly_cap_usd;
  const spent = readableUsd(picosOf(spentUsd));
  const count = (project: Schemas['Project']) => project.max_concurrent_requests ?? 'no limit';
  return [
    said('The monthly cap', before.monthly_cap_usd, cap) ?? 'The monthly cap stays.',
    ...(count(before) === count(after)
      ? []
      : [`Requests in flight: from ${count(before)} to ${count(after)}.`]),
    cap !== null && picosOf(spentUsd) >= picosOf(cap)
      ? `The project's next request would be refused: it has spent ${spent} this month.`
      : `The project has spent ${spent} this month, so its cap does not refuse the next request.`,
  ];
}
