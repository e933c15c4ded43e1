/** Making, testing, rotating and deleting webhooks, and sending a delivery again. */
import { useState } from 'react';
import { answered, api, type Schemas } from '../../api/client.js';
import { CallAct } from '../../parts/call-act.js';
import { TextBox } from '../../parts/fields.js';
import { SelectBox } from '../../parts/select-box.js';
import { shownOnce } from '../../parts/secret-once.js';
import { useSignedIn } from '../../session/session.js';

type Webhook = Schemas['Webhook'];

const OVERLAPS = [
  { value: '0', label: 'at once' },
  { value: '3600', label: 'in an hour' },
  { value: '86400', label: 'in a day' },
];

export function MakeWebhook() {
  const session = useSignedIn();
  const [url, setUrl] = useState('');
  const [typed, setEntity] = useState('');
  const entity = session.entity ?? (typed.trim() || null);
  return (
    <CallAct
      needs="POST /v1/admin/webhooks"
      label="Make a webhook…"
      className="primary"
      title="Make a webhook"
      verb="Make it"
      entity={entity}
      fields={
        <>
          <TextBox
            name="url"
            label="Address"
            hint="https://…, reachable from the service"
            isRequired
            value={url}
            onChange={setUrl}
          />
          {session.entity === null && (
            <TextBox
              name="entity"
              label="Alerts of"
              hint="A customer; empty is all of them"
              value={typed}
              onChange={setEntity}
            />
          )}
        </>
      }
      sentences={() => [
        `Every alert ${entity === null ? '' : `of ${entity} `}is sent to ${url.trim()}, signed.`,
        'Failed deliveries are retried for at least a day.',
        'The secret that signs is shown once.',
      ]}
      perform={async (headers) => {
        const { id, secret } = await answered(
          api.POST('/v1/admin/webhooks', { headers, body: { url: url.trim(), entity } }),
        );
        return shownOnce(secret, `The webhook ${id} is made.`);
      }}
    />
  );
}

export function TestWebhook({ of: { id, url, entity } }: { of: Webhook }) {
  return (
    <CallAct
      needs="POST /v1/admin/webhooks/{id}/test"
      label="Test…"
      className="primary"
      title="Test the webhook"
      verb="Send it"
      entity={entity}
      fields={<p className="breaks">{url}</p>}
      sentences={() => [
        'It is sent an event of the type webhook.test, which reports nothing.',
        'Its deliveries show the answer.',
      ]}
      perform={async (headers) => {
        await answered(api.POST('/v1/admin/webhooks/{id}/test', { params: { path: { id } }, headers }));
        return 'The test is on its way.';
      }}
    />
  );
}

export function RotateSecret({ of: { id, url, entity } }: { of: Webhook }) {
  const [overlap, setOverlap] = useState('86400');
  const label = OVERLAPS.find(({ value }) => value === overlap)?.label ?? '';
  return (
    <CallAct
      needs="POST /v1/admin/webhooks/{id}/rotate"
      label="Rotate the secret…"
      title="Rotate the secret"
      verb="Rotate"
      entity={entity}
      fields={
        <SelectBox label="The old secret ends" value={overlap} options={OVERLAPS} onChange={setOverlap} />
      }
      sentences={() => [
        `What is sent to ${url} is signed by a new secret, shown once.`,
        overlap === '0'
          ? 'The old secret stops signing at once.'
          : `The old secret ends ${label}; until then each message has both signatures.`,
      ]}
      perform={async (headers) => {
        const body = { overlap_seconds: Number(overlap) };
        const { secret } = await answered(
          api.POST('/v1/admin/webhooks/{id}/rotate', { params: { path: { id } }, headers, body }),
        );
        return shownOnce(secret, 'The webhook has a new secret.');
      }}
    />
  );
}

export function DeleteWebhook({
  of: { id, url, entity },
  onDeleted,
}: {
  of: Webhook;
  onDeleted: () => void;
}) {
  return (
    <CallAct
      needs="DELETE /v1/admin/webhooks/{id}"
      label="Delete…"
      className="danger"
      title="Delete the webhook"
      verb="Delete"
      entity={entity}
      fields={<p className="breaks">{url}</p>}
      sentences={() => [
        'Nothing more is sent to it. Its deliveries are deleted, pending ones too.',
        'Other webhooks and mail still get alerts.',
      ]}
      perform={async (headers) => {
        await answered(api.DELETE('/v1/admin/webhooks/{id}', { params: { path: { id } }, headers }));
        onDeleted();
        return 'The webhook is deleted.';
      }}
    />
  );
}

export function Resend({ of: { id, webhook, entity, status, type } }: { of: Schemas['WebhookDelivery'] }) {
  if (status === 'pending') return <span className="quiet">It is sent again by itself.</span>;
  return (
    <CallAct
      needs="POST /v1/admin/webhooks/{id}/deliveries/{delivery}/resend"
      label="Resend…"
      title="Send it again"
      verb="Resend"
      entity={entity}
      fields={<p>The event {type}, as it was, under the same id.</p>}
      sentences={() => [
        `${type} is sent once more, now. Its id tells the receiver that it may have seen it before.`,
      ]}
      perform={async (headers) => {
        const path = { id: webhook, delivery: id };
        await answered(
          api.POST('/v1/admin/webhooks/{id}/deliveries/{delivery}/resend', { params: { path }, headers }),
        );
        return 'It is on its way again.';
      }}
    />
  );
}
