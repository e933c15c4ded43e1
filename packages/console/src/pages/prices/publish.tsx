/** Publishing a price version: its terms, then what it changes and for whom, tried by the service before it counts. */
import { useState } from 'react';
import { answered, api, type Schemas } from '../../api/client.js';
import { ActButton } from '../../parts/act-button.js';
import { ActDialog } from '../../parts/act-dialog.js';
import { plural } from '../../parts/times.js';
import { draftOf, orderOf, PublishFields, type Draft } from './publish-fields.js';
import { publishSentences } from './publish-preview.js';

type Price = Schemas['Price'];

export function Publish({
  label,
  className,
  start,
  model = '',
}: {
  label: string;
  className?: string;
  /** The version whose terms it begins with. */
  start?: Price | undefined;
  model?: string;
}) {
  return (
    <ActButton
      needs="POST /v1/admin/prices"
      label={label}
      {...(className === undefined ? {} : { className })}
    >
      {(close) => <PublishDialog draft={draftOf(start, model)} onClose={close} />}
    </ActButton>
  );
}

function PublishDialog({ draft: first, onClose }: { draft: Draft; onClose: () => void }) {
  const [draft, setDraft] = useState(first);
  const send = (options: { dryRun: boolean; headers?: Record<string, string> }) =>
    answered(
      api.POST('/v1/admin/prices', {
        params: { query: { dry_run: options.dryRun, allow_free: draft.allowsFree } },
        ...(options.headers === undefined ? {} : { headers: options.headers }),
        body: orderOf(draft),
      }),
    );
  return (
    <ActDialog
      title="Publish a price"
      verb="Publish"
      entity={draft.entity.trim() || null}
      fields={<PublishFields draft={draft} onChange={setDraft} />}
      onClose={onClose}
      preview={async () => {
        const published = await send({ dryRun: true });
        return { sentences: await publishSentences(published) };
      }}
      perform={async (headers) => {
        const {
          id,
          model,
          charged_events: charged,
          waiting_events: waiting,
        } = await send({ dryRun: false, headers });
        return (
          `Version ${id} of ${model} is published. ${plural(charged, 'waiting event')} ${charged === 1 ? 'is' : 'are'} charged by it` +
          (waiting === 0 ? '.' : `; ${plural(waiting, 'event')} still wait.`)
        );
      }}
    />
  );
}
