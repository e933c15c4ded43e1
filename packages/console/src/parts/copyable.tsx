/** An id that is copied with one press. */
import { announce } from './announcements.js';

export function Copyable({
  text,
  what = 'id',
  shown = text,
}: {
  text: string;
  what?: string;
  shown?: string;
}) {
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      announce(`Copied the ${what}.`);
    } catch {
      announce(`The browser does not let this page copy. The ${what} is ${text}`, 'bad');
    }
  };
  return (
    <button type="button" className="copyable" title={`Copy the ${what}`} onClick={() => void copy()}>
      <code>{shown}</code>
      <svg viewBox="0 0 12 12" aria-hidden="true">
        <path d="M4 4h7v7H4zM2.5 8H1V1h7v1.5" fill="none" stroke="currentColor" />
      </svg>
      <span className="unseen">, copy</span>
    </button>
  );
}
