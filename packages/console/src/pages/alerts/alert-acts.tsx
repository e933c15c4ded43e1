/** Making, changing and deleting alerts on conditions: a customer's own, and those of the whole service (`entity` null). */
import { useState } from 'react';
import { answered, api, organization, type Schemas } from '../../api/client.js';
import { ActButton } from '../../parts/act-button.js';
import { ActDialog, type ActHeaders } from '../../parts/act-dialog.js';
import { CallAct } from '../../parts/call-act.js';
import { AlertFields, draftOf, FIRST_DRAFT, orderOf, toldSentence, type Draft } from './alert-fields.js';
import { conditionOf } from './words.js';

type Alert = Schemas['Alert'];
type CustomerOrder = Schemas['AlertOrder'];

const FIRES_AGAIN = 'It fires once, and again only after the condition has cleared.';

export function MakeAlert({ entity }: { entity: string | null }) {
  const needs = entity === null ? 'POST /v1/admin/alerts' : 'POST /v1/organization/alerts';
  return (
    <ActButton needs={needs} label="Make an alert…" className="primary">
      {(close) => (
        <AlertDialog
          title="Make an alert"
          verb="Make it"
          entity={entity}
          first={FIRST_DRAFT}
          onClose={close}
          sentences={(draft) => [
            `It watches ${entity ?? 'the whole service'}: ${conditionOf({ ...TERMS, ...orderOf(draft) })}.`,
            FIRES_AGAIN,
          ]}
          send={(draft, headers) =>
            entity === null
              ? answered(api.POST('/v1/admin/alerts', { headers, body: orderOf(draft) }))
              : answered(
                  api.POST('/v1/organization/alerts', {
                    params: organization(entity),
                    headers,
                    body: orderOf(draft) as CustomerOrder,
                  }),
                )
          }
        />
      )}
    </ActButton>
  );
}

export function EditAlert({ alert }: { alert: Alert }) {
  const { id, entity } = alert;
  const needs = entity === null ? 'POST /v1/admin/alerts/{alert}' : 'POST /v1/organization/alerts/{alert}';
  const path = { alert: id };
  return (
    <ActButton needs={needs} label="Change…" about={conditionOf(alert)}>
      {(close) => (
        <AlertDialog
          title="Change the alert"
          verb="Change it"
          entity={entity}
          first={draftOf(alert)}
          onClose={close}
          sentences={(draft) => [
            `Until now: ${conditionOf(alert)}.`,
            `From now on: ${conditionOf({ ...alert, ...TERMS, ...orderOf(draft) })}.`,
            `It is armed again: it fires if the condition holds now. ${FIRES_AGAIN}`,
          ]}
          send={(draft, headers) =>
            entity === null
              ? answered(
                  api.POST('/v1/admin/alerts/{alert}', {
                    params: { path },
                    headers,
                    body: orderOf(draft),
                  }),
                )
              : answered(
                  api.POST('/v1/organization/alerts/{alert}', {
                    params: { ...organization(entity), path },
                    headers,
                    body: orderOf(draft) as CustomerOrder,
                  }),
                )
          }
        />
      )}
    </ActButton>
  );
}

/** An alert has the terms of its kind alone. */
const TERMS = {
  project: null,
  below_usd: null,
  within_days: null,
  cap: null,
  share_percent: null,
  older_than_seconds: null,
};

function AlertDialog({
  first,
  sentences,
  send,
  ...dialog
}: {
  title: string;
  verb: string;
  entity: string | null;
  first: Draft;
  sentences: (draft: Draft) => string[];
  send: (draft: Draft, headers: ActHeaders) => Promise<Alert>;
  onClose: () => void;
}) {
  const [draft, setDraft] = useState(first);
  return (
    <ActDialog
      {...dialog}
      fields={<AlertFields draft={draft} onChange={setDraft} isOfService={dialog.entity === null} />}
      preview={async () => ({ sentences: [...sentences(draft), toldSentence(draft.mail)] })}
      perform={async (headers) => `Watched: ${conditionOf(await send(draft, headers))}.`}
    />
  );
}

export function DeleteAlert({ alert }: { alert: Alert }) {
  const { id, entity } = alert;
  const needs =
    entity === null ? 'DELETE /v1/admin/alerts/{alert}' : 'DELETE /v1/organization/alerts/{alert}';
  const remove = (headers: ActHeaders) =>
    entity === null
      ? answered(api.DELETE('/v1/admin/alerts/{alert}', { params: { path: { alert: id } }, headers }))
      : answered(
          api.DELETE('/v1/organization/alerts/{alert}', {
            params: { ...organization(entity), path: { alert: id } },
            headers,
          }),
        );
  return (
    <CallAct
      needs={needs}
      label="Delete…"
      className="danger"
      about={conditionOf(alert)}
      title="Delete the alert"
      verb="Delete"
      entity={entity}
      fields={<p>{conditionOf(alert)}</p>}
      sentences={() => ['It sends nothing any more.']}
      perform={async (headers) => {
        await remove(headers);
        return 'The alert is deleted.';
      }}
    />
  );
}
