/** Opens the browser's own calendar, whose field is not seen. */
import { useRef } from 'react';

export function CalendarButton({ value, onChange }: { value: string; onChange: (day: string) => void }) {
  const field = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={field}
        type="date"
        tabIndex={-1}
        aria-hidden="true"
        value={value}
        onChange={({ target }) => onChange(target.value)}
      />
      <button
        type="button"
        aria-label="Calendar"
        title="Calendar"
        onClick={() => field.current?.showPicker()}
      >
        <svg viewBox="0 0 14 14" aria-hidden="true">
          <path d="M1.5 2.5h11v10h-11zM1.5 5.5h11M4.5 1v3M9.5 1v3" fill="none" stroke="currentColor" />
        </svg>
      </button>
    </>
  );
}
