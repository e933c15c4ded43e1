/** A secret that the service shows only once. */
import type { ReactNode } from 'react';
import { Copyable } from './copyable.js';

export function shownOnce(secret: string, sentence: string): ReactNode {
  return (
    <>
      <p>{sentence}</p>
      <p className="secret">
        <Copyable text={secret} what="secret" />
      </p>
      <p className="quiet">Copy it now: it is not shown again.</p>
    </>
  );
}
