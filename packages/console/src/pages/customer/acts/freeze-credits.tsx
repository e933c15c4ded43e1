/** Keeps what is left of a grant from being spent, as while a purchase is disputed, and lets it be spent again. */
import { useState } from 'react';
import { answered, api } from '../../../api/client.js';
import { ActDialog, type ActHeaders } from '../../../parts/act-dialog.js';
import { TextBox } from '../../../parts/fields.js';
import { picosOf, readableUsd } from '../../../parts/money.js';
import type { Lot } from './void-credits.js';

type Props = { entity: string; lot: Lot; isFrozen: boolean; onClose: () => void };

export function FreezeCredits({ entity, lot, isFrozen, onClose }: Props) {
  const [reason, setReason] = useState('');
  const turn = (dryRun: boolean, headers?: ActHeaders) => {
    const init = {
      params: { path: { entity, grant: lot.id }, query: { dry_run: dryRun } },
      headers,
      body: { reason },
    };
    return answered(
      isFrozen
        ? api.POST('/v1/admin/entities/{entity}/credits/{grant}/unfreeze', init)
        : api.POST('/v1/admin/entities/{entity}/credits/{grant}/freeze', init),
    );
  };
  return (
    <ActDialog
      title={isFrozen ? `Unfreeze ${lot.id}` : `Freeze ${lot.id}`}
      verb={isFrozen ? 'Unfreeze' : 'Freeze'}
      entity={entity}
      onClose={onClose}
      preview={async () => {
        const left = readableUsd(picosOf((await turn(true)).remaining_usd));
        return {
          sentences: [
            isFrozen
              ? `${left} of this grant can be spent again from the next request on.`
              : `${left} of this grant cannot be spent from the next request on, until it is unfrozen.`,
          ],
        };
      }}
      perform={async (headers) => {
        const { id } = await turn(false, headers);
        return isFrozen ? `${id} can be spent again.` : `${id} is frozen.`;
      }}
      fields={<TextBox name="reason" label="Reason" isRequired isLong value={reason} onChange={setReason} />}
    />
  );
}
