/**
 * How a change is made: its fields, then what will happen in words, then (above $1,000) the amount typed again, then what was written to
 * the ledger and the audit log. The service tries the change first, so a preview says what the change would do, and errors stand at their fields.
 */
import { useQueryClient } from '@tanstack/react-query';
import { useState, type FormEvent, type ReactNode } from 'react';
import { Dialog, Form, Heading, Modal, ModalOverlay } from 'react-aria-components';
import { asApiError } from '../api/errors.js';
import { TextBox } from './fields.js';
import { PICOS_PER_USD, exactUsd, readableUsd, typedPicos } from './money.js';
import { Problem } from './problem.js';
import { Traces } from './traces.js';

/** Above it an amount is typed again. */
const TYPED_AGAIN_ABOVE_PICOS = 1_000n * PICOS_PER_USD;

export type Preview = {
  /** What will happen, one fact a sentence. */
  readonly sentences: readonly ReactNode[];
  /** Money that moves, where it does. */
  readonly movedPicos?: bigint | undefined;
};

/** What happened; `grant` is the lot whose money moved. */
export type Made = { readonly sentence: string; readonly grant?: string };

/** Sent with the change, and again with each repetition of it, so that it is made once. */
export type ActHeaders = { readonly 'Idempotency-Key': string; readonly 'X-Request-Id': string };

export type ActProps = {
  readonly title: string;
  /** The verb on the last button: `Grant`. */
  readonly verb: string;
  readonly entity: string | null;
  readonly fields: ReactNode;
  /** Tries the change (`dry_run=true`) and says what it would do. */
  readonly preview: () => Promise<Preview>;
  /** Makes it, and says in a sentence what happened. */
  readonly perform: (headers: ActHeaders) => Promise<Made | string>;
  readonly onClose: () => void;
};

type Stage =
  | { readonly name: 'asking' }
  | { readonly name: 'previewed'; readonly preview: Preview; readonly headers: ActHeaders }
  | { readonly name: 'done'; readonly made: Made; readonly headers: ActHeaders };

export function ActDialog(props: ActProps) {
  const { title, onClose } = props;
  return (
    <ModalOverlay
      className="overlay"
      isOpen
      isDismissable={false}
      onOpenChange={(isOpen) => isOpen || onClose()}
    >
      <Modal className="modal">
        <Dialog className="dialog">
          <Heading slot="title">{title}</Heading>
          <Act {...props} />
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}

function Act({ fields, preview, perform, verb, entity, onClose }: ActProps) {
  const queries = useQueryClient();
  const [stage, setStage] = useState<Stage>({ name: 'asking' });
  const [error, setError] = useState<unknown>(null);
  const [isWaiting, setWaiting] = useState(false);

  const attempt = async (work: () => Promise<void>) => {
    setWaiting(true);
    setError(null);
    try {
      await work();
    } catch (thrown) {
      setError(thrown);
    } finally {
      setWaiting(false);
    }
  };
  const look = () =>
    attempt(async () => {
      const id = `console-${crypto.randomUUID()}`;
      const headers = { 'Idempotency-Key': id, 'X-Request-Id': id };
      setStage({ name: 'previewed', preview: await preview(), headers });
    });
  const make = (headers: ActHeaders) =>
    attempt(async () => {
      const made = await perform(headers);
      setStage({ name: 'done', made: typeof made === 'string' ? { sentence: made } : made, headers });
      void queries.invalidateQueries();
    });

  if (stage.name === 'done')
    return (
      <div className="stack">
        <p role="status" className="strong">
          {stage.made.sentence}
        </p>
        <Traces entity={entity} grant={stage.made.grant} requestId={stage.headers['X-Request-Id']} />
        <div className="row end">
          <button type="button" className="primary" autoFocus onClick={onClose}>
            Close
          </button>
        </div>
      </div>
    );
  if (stage.name === 'previewed')
    return (
      <Confirmation
        stage={stage}
        verb={verb}
        error={error}
        isWaiting={isWaiting}
        onBack={() => {
          setError(null);
          setStage({ name: 'asking' });
        }}
        onConfirm={() => void make(stage.headers)}
      />
    );
  return (
    <Asking
      fields={fields}
      error={error}
      isWaiting={isWaiting}
      onClose={onClose}
      onLook={() => void look()}
    />
  );
}

function Asking({
  fields,
  error,
  isWaiting,
  onClose,
  onLook,
}: {
  fields: ReactNode;
  error: unknown;
  isWaiting: boolean;
  onClose: () => void;
  onLook: () => void;
}) {
  const refused = error === null ? null : asApiError(error);
  const atField = refused?.param == null ? {} : { [refused.param]: refused.message };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!isWaiting) onLook();
  };
  return (
    <Form className="stack" validationErrors={atField} onSubmit={submit}>
      {fields}
      {refused !== null && <Problem error={refused} />}
      <div className="row end">
        <button type="button" onClick={onClose}>
          Cancel
        </button>
        {/* A disabled button would lose the focus, and the dialog the keyboard. */}
        <button type="submit" className="primary" aria-disabled={isWaiting}>
          {isWaiting ? 'Checking…' : 'Review'}
        </button>
      </div>
    </Form>
  );
}

function Confirmation({
  stage,
  verb,
  error,
  isWaiting,
  onBack,
  onConfirm,
}: {
  stage: Extract<Stage, { name: 'previewed' }>;
  verb: string;
  error: unknown;
  isWaiting: boolean;
  onBack: () => void;
  onConfirm: () => void;
}) {
  const [typed, setTyped] = useState('');
  const { sentences, movedPicos = 0n } = stage.preview;
  const isTypedAgain = movedPicos > TYPED_AGAIN_ABOVE_PICOS;
  const isConfirmed = !isTypedAgain || typedPicos(typed) === movedPicos;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isConfirmed && !isWaiting) onConfirm();
  };
  return (
    <form className="stack" onSubmit={submit}>
      <p className="quiet">This will happen:</p>
      <ul className="sentences">
        {sentences.map((sentence, at) => (
          <li key={at}>{sentence}</li>
        ))}
      </ul>
      {isTypedAgain && (
        <TextBox
          name="typed_again"
          label={`Type the amount again: ${exactUsd(movedPicos)}`}
          hint={`${readableUsd(movedPicos)} is more than $1,000.`}
          value={typed}
          onChange={setTyped}
        />
      )}
      {error !== null && <Problem error={error}>{asApiError(error).isPassing && MADE_ONCE}</Problem>}
      <div className="row end">
        <button type="button" onClick={onBack} disabled={isWaiting}>
          Back
        </button>
        <button
          type="submit"
          className="primary"
          autoFocus={!isTypedAgain}
          disabled={!isConfirmed}
          aria-disabled={isWaiting}
        >
          {isWaiting ? 'Working…' : error === null ? verb : 'Try again'}
        </button>
      </div>
    </form>
  );
}

const MADE_ONCE = 'Trying again is safe: it is made once, however often it is sent.';
