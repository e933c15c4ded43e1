/** Offers a change to keys that may make it; others see which roles may. */
import { useState, type ReactNode } from 'react';
import { may, whoMay, type Operation } from '../session/permissions.js';
import { useSignedIn } from '../session/session.js';

export function ActButton({
  needs,
  label,
  className,
  about,
  children,
}: {
  needs: Operation;
  label: string;
  className?: string;
  /** Which one of many it changes, for screen readers: the label alone stands in each row. */
  about?: string;
  /** The dialog, which closes itself with `close`. */
  children: (close: () => void) => ReactNode;
}) {
  const { role } = useSignedIn();
  const [isOpen, setOpen] = useState(false);
  if (!may(role, needs)) return <DoneBy needs={needs} label={label} />;
  return (
    <>
      <button
        type="button"
        className={className}
        aria-label={about === undefined ? undefined : `${label}: ${about}`}
        onClick={() => setOpen(true)}
      >
        {label}
      </button>
      {isOpen && children(() => setOpen(false))}
    </>
  );
}

export function DoneBy({ needs, label }: { needs: Operation; label: string }) {
  return (
    <span className="quiet done-by">
      {label.replace(/…$/, '')}: {whoMay(needs)} can
    </span>
  );
}
