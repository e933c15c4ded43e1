/** A day as 2026-11-29, whatever order the browser's language has, typed or chosen from the browser's calendar. */
import { useRef, useState, type ReactNode } from 'react';
import { FieldError, Input, Label, Text, TextField } from 'react-aria-components';
import { day } from './address.js';

const readDay = day();

export function DayBox({
  name,
  label,
  hint,
  value,
  onChange,
}: {
  readonly name: string;
  readonly label: string;
  readonly hint?: ReactNode;
  /** Empty where no day is chosen. */
  readonly value: string;
  /** Called with days and with nothing, not with what is still being typed. */
  readonly onChange: (day: string) => void;
}) {
  const [typed, setTyped] = useState(value);
  const [followed, setFollowed] = useState(value);
  if (followed !== value) {
    setFollowed(value);
    setTyped(value);
  }
  const type = (text: string) => {
    setTyped(text);
    const trimmed = text.trim();
    if (trimmed === '' || readDay(trimmed) !== undefined) onChange(trimmed);
  };
  return (
    <TextField
      className="field"
      name={name}
      value={typed}
      onChange={type}
      validate={(text) => (isDayOrNothing(text) ? null : 'Write the day as 2026-11-29: year, month, day.')}
    >
      <Label>{label}</Label>
      <span className="day">
        <Input autoComplete="off" spellCheck={false} placeholder="YYYY-MM-DD" />
        <Calendar value={readDay(typed.trim()) ?? ''} onChange={type} />
      </span>
      {hint !== undefined && <Text slot="description">{hint}</Text>}
      <FieldError />
    </TextField>
  );
}

function isDayOrNothing(text: string): boolean {
  return text.trim() === '' || readDay(text.trim()) !== undefined;
}

/** The browser's own, opened by a button: the field behind it is not seen. */
function Calendar({ value, onChange }: { value: string; onChange: (day: string) => void }) {
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
