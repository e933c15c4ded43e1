/** Making, changing and deleting spend alerts: of a customer's month, or of the month of one of its projects. */
import { useState } from 'react';
import { answered, api, organization, type Schemas } from '../../api/client.js';
import { ApiError } from '../../api/errors.js';
import { ActButton } from '../../parts/act-button.js';
import { ActDialog, type ActHeaders } from '../../parts/act-dialog.js';
import { CallAct } from '../../parts/call-act.js';
import { AmountBox, TextBox } from '../../parts/fields.js';
import { exactUsd, PICOS_PER_USD, typedPicos } from '../../parts/money.js';
import { channelOf, mailOf, NO_MAIL, Recipients, toldSentence, type MailDraft } from './alert-fields.js';
import { centsText } from './words.js';

type SpendAlert = Schemas['SpendAlert'];
type Order = Schemas['SpendAlertOrder'];

/** `project` null: the customer as a whole. */
export type SpendScope = { readonly entity: string; readonly project: string | null };

const PICOS_PER_CENT = PICOS_PER_USD / 100n;

export function MakeSpendAlert({ entity }: { entity: string }) {
  return (
    <ActButton needs="POST /v1/organization/spend_alerts" label="Make a spend alert…">
      {(close) => (
        <SpendDialog
          title="Make a spend alert"
          verb="Make it"
          first={{ amount: '', project: '', mail: NO_MAIL }}
          scope={{ entity, project: null }}
          isProjectAsked
          onClose={close}
          sentences={(whose, cents) => [
            `It fires once a month, when ${whose} has spent ${centsText(cents)}.`,
            'It stops no request: a cap does that.',
          ]}
          send={({ project }, body, headers) => {
            const params = organization(entity);
            return project === null
              ? answered(api.POST('/v1/organization/spend_alerts', { params, headers, body }))
              : answered(
                  api.POST('/v1/organization/projects/{project}/spend_alerts', {
                    params: { ...params, path: { project } },
                    headers,
                    body,
                  }),
                );
          }}
        />
      )}
    </ActButton>
  );
}

type OfAlert = { readonly alert: SpendAlert; readonly scope: SpendScope };

export function EditSpendAlert({ alert, scope }: OfAlert) {
  const { id, threshold_amount: before } = alert;
  const params = organization(scope.entity);
  return (
    <ActButton
      needs="POST /v1/organization/spend_alerts/{alert}"
      label="Change…"
      about={describe({ alert, scope })}
    >
      {(close) => (
        <SpendDialog
          title="Change the spend alert"
          verb="Change it"
          first={{
            amount: exactUsd(BigInt(before) * PICOS_PER_CENT),
            project: scope.project ?? '',
            mail: mailOf(alert.notification_channel),
          }}
          scope={scope}
          onClose={close}
          sentences={(whose, cents) => [
            before === cents
              ? `The amount stays ${centsText(cents)}.`
              : `The amount: from ${centsText(before)} to ${centsText(cents)}.`,
            `It fires once a month, when ${whose} has spent it.`,
          ]}
          send={({ project }, body, headers) =>
            project === null
              ? answered(
                  api.POST('/v1/organization/spend_alerts/{alert}', {
                    params: { ...params, path: { alert: id } },
                    headers,
                    body,
                  }),
                )
              : answered(
                  api.POST('/v1/organization/projects/{project}/spend_alerts/{alert}', {
                    params: { ...params, path: { project, alert: id } },
                    headers,
                    body,
                  }),
                )
          }
        />
      )}
    </ActButton>
  );
}

type SpendDraft = { readonly amount: string; readonly project: string; readonly mail: MailDraft };

function SpendDialog({
  first,
  scope,
  isProjectAsked = false,
  sentences,
  send,
  ...dialog
}: {
  title: string;
  verb: string;
  first: SpendDraft;
  scope: SpendScope;
  isProjectAsked?: boolean;
  sentences: (whose: string, cents: number) => string[];
  send: (scope: SpendScope, body: Order, headers: ActHeaders) => Promise<SpendAlert>;
  onClose: () => void;
}) {
  const [draft, setDraft] = useState(first);
  const set = (changes: Partial<SpendDraft>) => setDraft((before) => ({ ...before, ...changes }));
  const typed = { entity: scope.entity, project: draft.project.trim() || null };
  return (
    <ActDialog
      {...dialog}
      entity={scope.entity}
      fields={
        <>
          <AmountBox
            name="threshold_amount"
            label="At a spend of"
            hint="In a month, in whole cents"
            isRequired
            value={draft.amount}
            onChange={(amount) => set({ amount })}
          />
          {isProjectAsked && (
            <TextBox
              name="project"
              label="Project"
              hint="Empty: all projects together"
              value={draft.project}
              onChange={(project) => set({ project })}
            />
          )}
          <Recipients value={draft.mail} onChange={(mail) => set({ mail })} />
        </>
      }
      preview={async () => ({
        sentences: [...sentences(nameOf(typed), centsOf(draft.amount)), toldSentence(draft.mail)],
      })}
      perform={async (headers) => {
        const { threshold_amount: cents } = await send(
          typed,
          {
            threshold_amount: centsOf(draft.amount),
            currency: 'USD',
            interval: 'month',
            notification_channel: channelOf(draft.mail),
          },
          headers,
        );
        return `Watched: ${nameOf(typed)} spends ${centsText(cents)} in a month.`;
      }}
    />
  );
}

export function DeleteSpendAlert({ alert, scope }: OfAlert) {
  const { entity, project } = scope;
  const { id } = alert;
  const params = organization(entity);
  return (
    <CallAct
      needs="DELETE /v1/organization/spend_alerts/{alert}"
      label="Delete…"
      className="danger"
      about={describe({ alert, scope })}
      title="Delete the spend alert"
      verb="Delete"
      entity={entity}
      fields={<p>{describe({ alert, scope })}</p>}
      sentences={() => ['It sends nothing any more when this amount is reached.']}
      perform={async (headers) => {
        await (project === null
          ? api.DELETE('/v1/organization/spend_alerts/{alert}', {
              params: { ...params, path: { alert: id } },
              headers,
            })
          : api.DELETE('/v1/organization/projects/{project}/spend_alerts/{alert}', {
              params: { ...params, path: { project, alert: id } },
              headers,
            }));
        return 'The spend alert is deleted.';
      }}
    />
  );
}

/** Throws an error at the field where the amount is none of whole cents. */
function centsOf(typed: string): number {
  const picos = typedPicos(typed);
  if (picos === null || picos < PICOS_PER_CENT || picos % PICOS_PER_CENT !== 0n)
    throw new ApiError({
      status: 400,
      param: 'threshold_amount',
      message: 'The amount must be in whole cents and at least one cent, such as 250 or 99.50.',
    });
  return Number(picos / PICOS_PER_CENT);
}

function nameOf({ entity, project }: SpendScope): string {
  return project === null ? entity : `${entity}/${project}`;
}

function describe({ alert, scope }: OfAlert): string {
  return `${centsText(alert.threshold_amount)} a month of ${nameOf(scope)}`;
}
