/** A button and its dialog, for a change that is one call: what it will do in sentences, then the call. */
import type { ReactNode } from 'react';
import type { Operation } from '../session/permissions.js';
import { ActButton } from './act-button.js';
import { ActDialog, type ActProps } from './act-dialog.js';

export type CallActProps = Pick<ActProps, 'title' | 'verb' | 'entity'> & {
  readonly needs: Operation;
  /** On the button: `Delete…`. */
  readonly label: string;
  readonly className?: string;
  /** Which one of many it changes, for screen readers. */
  readonly about?: string;
  readonly fields: ReactNode;
  /** What will happen. Where the call can be tried, it is tried first. */
  readonly sentences: () => readonly ReactNode[] | Promise<readonly ReactNode[]>;
  readonly perform: ActProps['perform'];
};

export function CallAct({ needs, label, className, about, sentences, ...dialog }: CallActProps) {
  return (
    <ActButton
      needs={needs}
      label={label}
      {...(className !== undefined && { className })}
      {...(about !== undefined && { about })}
    >
      {(close) => (
        <ActDialog {...dialog} onClose={close} preview={async () => ({ sentences: await sentences() })} />
      )}
    </ActButton>
  );
}
