/** A day as 2026-11-29 in a toolbar, where no form says what is wrong with it. */
import { useId } from 'react';
import { day } from './address.js';
import { CalendarButton } from './calendar-button.js';
import { useTypedText } from './typed-text.js';

const readDay = day();

export function DayInput({
  label,
  value,
  describedBy,
  onChange,
}: {
  readonly label: string;
  readonly value: string;
  readonly describedBy?: string;
  /** Called with days, and with nothing where what is typed is no day. */
  readonly onChange: (day: string) => void;
}) {
  const id = useId();
  // While what is typed is no day, none is reported, and the text stays.
  const [typed, setTyped] = useTypedText(value, { follows: value !== '' });
  const shown = readDay(typed.trim());
  const type = (text: string) => {
    setTyped(text);
    onChange(readDay(text.trim()) ?? '');
  };
  return (
    <span className="select">
      <label htmlFor={id}>{label}</label>
      <span className="day">
        <input
          id={id}
          autoComplete="off"
          spellCheck={false}
          placeholder="YYYY-MM-DD"
          value={typed}
          aria-invalid={shown === undefined}
          aria-describedby={describedBy}
          onChange={({ target }) => type(target.value)}
        />
        <CalendarButton value={shown ?? ''} onChange={type} />
      </span>
    </span>
  );
}
