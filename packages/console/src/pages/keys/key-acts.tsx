/** Making, renaming, rotating and revoking keys. A secret is shown once. */
import { useState } from 'react';
import { answered, api, type Schemas } from '../../api/client.js';
import { ActButton } from '../../parts/act-button.js';
import { ActDialog } from '../../parts/act-dialog.js';
import { CallAct, type CallActProps } from '../../parts/call-act.js';
import { Choice, TextBox } from '../../parts/fields.js';
import { SelectBox } from '../../parts/select-box.js';
import { shownOnce } from '../../parts/secret-once.js';
import { relative, nowSeconds } from '../../parts/times.js';
import { useSignedIn } from '../../session/session.js';

type Key = Schemas['Key'];
type Role = Schemas['KeyRole'];

const WORDS: Readonly<Record<Role, string>> = {
  gateway: 'reserve, release and report usage',
  finance: 'read costs, balances and statements, and change nothing',
  owner: 'read its costs, and set its own spend limits, alerts, webhooks and keys',
  admin: 'do everything, for every customer',
};

const OVERLAPS = [
  { value: '0', label: 'at once', seconds: 0 },
  { value: '3600', label: 'in an hour', seconds: 3_600 },
  { value: '86400', label: 'in a day', seconds: 86_400 },
  { value: '604800', label: 'in a week', seconds: 604_800 },
];

export function MakeKey({ entity: first }: { entity: string }) {
  return (
    <ActButton needs="POST /v1/admin/keys" label="Make a key…" className="primary">
      {(close) => <MakeDialog entity={first} onClose={close} />}
    </ActButton>
  );
}

function MakeDialog({ entity: first, onClose }: { entity: string; onClose: () => void }) {
  const session = useSignedIn();
  const roles: readonly Role[] =
    session.role === 'admin' ? ['gateway', 'finance', 'owner', 'admin'] : ['gateway', 'finance'];
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('gateway');
  const [entity, setEntity] = useState(first);
  const [ends, setEnds] = useState('');
  const of = role === 'admin' ? null : entity.trim() || null;
  const order = (): Schemas['KeyOrder'] => ({
    name: name.trim(),
    role,
    entity: of,
    ...(ends.trim() === '' ? {} : { expires_at: ends.trim() }),
  });
  return (
    <ActDialog
      title="Make a key"
      verb="Make the key"
      entity={of}
      fields={
        <>
          <NameBox value={name} onChange={setName} />
          <Choice
            name="role"
            label="Role"
            options={roles.map((value) => ({ value, label: value }))}
            hint={`May ${WORDS[role]}.`}
            value={role}
            onChange={setRole}
          />
          {role !== 'admin' && session.entity === null && (
            <TextBox
              name="entity"
              label="Customer"
              hint={
                role === 'owner' ? 'Required for an owner' : 'The only customer that it may reach; empty: all'
              }
              isRequired={role === 'owner'}
              value={entity}
              onChange={setEntity}
            />
          )}
          <TextBox
            name="expires_at"
            label="Ends"
            hint="2027-01-01T00:00:00Z; empty is never"
            value={ends}
            onChange={setEnds}
          />
        </>
      }
      onClose={onClose}
      preview={async () => ({ sentences: keySentences({ name: name.trim(), role, of, ends: ends.trim() }) })}
      perform={async (headers) => {
        const { secret, id } = await answered(api.POST('/v1/admin/keys', { headers, body: order() }));
        return shownOnce(secret, `The key ${id} is made.`);
      }}
    />
  );
}

function NameBox(field: { value: string; onChange: (name: string) => void }) {
  const hint = 'Who or what uses it; the audit log shows this name';
  return <TextBox name="name" label="Name" hint={hint} isRequired {...field} />;
}

function keySentences(key: { name: string; role: Role; of: string | null; ends: string }): string[] {
  return [
    `The key “${key.name}” may ${WORDS[key.role]}${key.of === null ? '' : `, of ${key.of} alone`}.`,
    key.ends === '' ? 'It works until it is revoked.' : `It works until ${key.ends}.`,
    'Its secret is shown once.',
  ];
}

type KeyActProps = Pick<CallActProps, 'needs' | 'className' | 'fields' | 'sentences' | 'perform'> & {
  readonly of: Key;
  readonly verb: string;
};

function KeyAct({ of: { name, entity }, verb, ...act }: KeyActProps) {
  return (
    <CallAct {...act} label={`${verb}…`} about={name} title={`${verb} ${name}`} verb={verb} entity={entity} />
  );
}

/** The name is all that can change of a key. */
export function Rename({ of: key }: { of: Key }) {
  const [name, setName] = useState(key.name);
  return (
    <KeyAct
      of={key}
      verb="Rename"
      needs="PATCH /v1/admin/keys/{id}"
      fields={<NameBox value={name} onChange={setName} />}
      sentences={() => [
        `“${key.name}” is called “${name.trim()}” from now on, in the audit log too.`,
        'Its secret, role and customer stay as they are, and it still works.',
      ]}
      perform={async (headers) => {
        const params = { path: { id: key.id } };
        const renamed = await answered(
          api.PATCH('/v1/admin/keys/{id}', { params, headers, body: { name: name.trim() } }),
        );
        return `The key is called ${renamed.name}.`;
      }}
    />
  );
}

export function Rotate({ of: key }: { of: Key }) {
  const [overlap, setOverlap] = useState('86400');
  const chosen = OVERLAPS.find(({ value }) => value === overlap) ?? OVERLAPS[0]!;
  return (
    <KeyAct
      of={key}
      verb="Rotate"
      needs="POST /v1/admin/keys/{id}/rotate"
      fields={<SelectBox label="The old key ends" value={overlap} options={OVERLAPS} onChange={setOverlap} />}
      sentences={() => [
        `“${key.name}” is replaced by a key with the same name, role and customer; its secret is shown once.`,
        chosen.seconds === 0
          ? 'The old secret stops working at once.'
          : `The old secret works beside it and ends ${chosen.label}.`,
        lastUse(key),
      ]}
      perform={async (headers) => {
        const path = { id: key.id };
        const body = { overlap_seconds: chosen.seconds };
        const { secret, id } = await answered(
          api.POST('/v1/admin/keys/{id}/rotate', { params: { path }, headers, body }),
        );
        return shownOnce(secret, `${id} follows ${key.id}.`);
      }}
    />
  );
}

export function Revoke({ of: key }: { of: Key }) {
  return (
    <KeyAct
      of={key}
      verb="Revoke"
      needs="DELETE /v1/admin/keys/{id}"
      className="danger"
      fields={<p>{lastUse(key)}</p>}
      sentences={() => [
        'Requests with the key are refused at once, and everybody who is signed in with it is signed out.',
        'It cannot be undone; a new key has a new secret.',
      ]}
      perform={async (headers) => {
        await answered(api.DELETE('/v1/admin/keys/{id}', { params: { path: { id: key.id } }, headers }));
        return `${key.name} is revoked.`;
      }}
    />
  );
}

function lastUse({ last_used_at: at }: Key): string {
  return at === null ? 'It was never used.' : `It was last used ${relative(at, nowSeconds())}.`;
}
