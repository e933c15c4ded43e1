/**
 * How a change is made: its fields, then what will happen in words, then (above $1,000) the amount typed again, then what was written to
 * the ledger and the audit log. The service tries the change first, so a preview says what the change would do, and errors stand at their fields.
 */
import { useQueryClient } from '@tanstack/react-query';
import { useRef, useState, type FormEvent, type ReactNode } from 'react';
import { Dialog, Form, Heading, Modal, ModalOverlay } from 'react-aria-components';
import { asApiError } from '../api/errors.js';
import { TextBox } from './fields.js';
import { PICOS_PER_USD, exactUsd, readableUsd, typedPicos } from './money.js';
import { Problem } from './problem.js';
import { Traces } from './traces.js';

/** Above it an amount is typed again. */
const TYPED_AGAIN_ABOVE_PICOS = 1_000n * PICOS_PER_USD;

/** What `Traces` reads of a change that was just made. */
const LOGS = ['/v1/admin/audit_log', '/v1/admin/entities/{entity}/ledger'];

type Preview = {
  /** What will happen, one fact a sentence. */
  readonly sentences: readonly ReactNode[];
  /** The amount that moves, if one does. */
  readonly movedPicos?: bigint | undefined;
};

/** What happened; `grant` is the lot whose money moved. */
export type Made = { readonly sentence: ReactNode; readonly grant?: string };

function madeOf(answer: Made | ReactNode): Made {
  const isWhole = typeof answer === 'object' && answer !== null && 'sentence' in answer;
  return isWhole ? answer : { sentence: answer };
}

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
  /** Makes it, and says in a sentence what happened; of long work, how far it is. */
  readonly perform: (headers: ActHeaders) => Promise<Made | ReactNode>;
  readonly onClose: () => void;
};

type Stage =
  | { readonly name: 'asking' }
  | { readonly name: 'previewed'; readonly preview: Preview; readonly headers: ActHeaders }
  | { readonly name: 'done'; readonly made: Made; readonly headers: ActHeaders };

export function ActDialog(props: ActProps) {
  const { title } = props;
  const queries = useQueryClient();
  const isMade = useRef(false);
  // The page reloads its data only now, because that may remove the button that opened this dialog.
  const close = () => {
    if (isMade.current) void queries.invalidateQueries();
    props.onClose();
  };
  return (
    <ModalOverlay
      className="overlay"
      isOpen
      isDismissable={false}
      onOpenChange={(isOpen) => isOpen || close()}
    >
      <Modal className="modal">
        <Dialog className="dialog">
          <Heading slot="title">{title}</Heading>
          <Act {...props} onClose={close} onMade={() => (isMade.current = true)} />
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}

function Act({ fields, preview, perform, verb, entity, onClose, onMade }: ActProps & { onMade: () => void }) {
  const queries = useQueryClient();
  const [stage, setStage] = useState<Stage>({ name: 'asking' });
  const { error, isWaiting, attempt, forget } = useAttempt();
  const look = () =>
    attempt(async () => {
      const id = `console-${crypto.randomUUID()}`;
      const headers = { 'Idempotency-Key': id, 'X-Request-Id': id };
      setStage({ name: 'previewed', preview: await preview(), headers });
    });
  const make = (headers: ActHeaders) =>
    attempt(async () => {
      const made = madeOf(await perform(headers));
      onMade();
      await Promise.all(
        LOGS.map((path) => queries.invalidateQueries({ queryKey: [path], refetchType: 'none' })),
      );
      setStage({ name: 'done', made, headers });
    });

  if (stage.name === 'done')
    return (
      <div className="stack">
        <div role="status" className="strong stack">
          {stage.made.sentence}
        </div>
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
          forget();
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
      onChange={forget}
      onLook={() => void look()}
    />
  );
}

/** Work that a person waits for, and its error. */
function useAttempt() {
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
  return { error, isWaiting, attempt, forget: () => setError(null) };
}

function Asking({
  fields,
  error,
  isWaiting,
  onClose,
  onChange,
  onLook,
}: {
  fields: ReactNode;
  error: unknown;
  isWaiting: boolean;
  onClose: () => void;
  onChange: () => void;
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
      {/* An error is about what was sent: the browser sends no form while one stands at a field. */}
      <div className="stack" onInput={onChange}>
        {fields}
      </div>
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
