/** Pausing and resuming the queue. The page refreshes while a dialog is open, so the state remembers which one it is. */
import { useState } from 'react';
import { answered, api, type Schemas } from '../../api/client.js';
import { ActDialog } from '../../parts/act-dialog.js';
import { DoneBy } from '../../parts/act-button.js';
import { plural } from '../../parts/times.js';
import { may } from '../../session/permissions.js';
import { useSignedIn } from '../../session/session.js';

const PAUSE = 'POST /v1/admin/queue/pause';

export function PauseOrResume({ queue }: { queue: Schemas['QueueState'] }) {
  const { role } = useSignedIn();
  const [open, setOpen] = useState<'pause' | 'resume' | null>(null);
  const close = () => setOpen(null);
  if (!may(role, PAUSE)) return <DoneBy needs={PAUSE} label="Pause" />;
  return (
    <>
      {queue.paused ? (
        <button type="button" className="primary" onClick={() => setOpen('resume')}>
          Resume…
        </button>
      ) : (
        <button type="button" className="danger" onClick={() => setOpen('pause')}>
          Pause…
        </button>
      )}
      {open === 'pause' && <Pause onClose={close} />}
      {open === 'resume' && <Resume waiting={queue.waiting} onClose={close} />}
    </>
  );
}

function Pause({ onClose }: { onClose: () => void }) {
  return (
    <ActDialog
      title="Pause the queue"
      verb="Pause"
      entity={null}
      fields={<p>Pause for a repair, or while the queue has usage that must not be counted.</p>}
      onClose={onClose}
      preview={async () => ({
        sentences: [
          'Workers finish the jobs in flight, and take no more.',
          'Usage waits in Redis, in order, and is counted when the queue is resumed. Nothing is lost.',
          'Decisions go on without the usage that waits, so customers may pass their caps by its cost.',
        ],
      })}
      perform={async (headers) => {
        await answered(api.POST('/v1/admin/queue/pause', { headers }));
        return 'The queue is paused.';
      }}
    />
  );
}

function Resume({ waiting, onClose }: { waiting: number; onClose: () => void }) {
  return (
    <ActDialog
      title="Resume the queue"
      verb="Resume"
      entity={null}
      fields={
        <p>
          {plural(waiting, 'job')} wait{waiting === 1 ? 's' : ''}.
        </p>
      }
      onClose={onClose}
      preview={async () => ({
        sentences: ['Workers take what waits, oldest first, and count it by its own time.'],
      })}
      perform={async (headers) => {
        await answered(api.POST('/v1/admin/queue/resume', { headers }));
        return 'The queue runs.';
      }}
    />
  );
}
