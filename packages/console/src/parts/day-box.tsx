/** A day as 2026-11-29, whatever order the browser's language has, typed or chosen from the browser's calendar. */
import type { ReactNode } from 'react';
import { FieldError, Input, Label, Text, TextField } from 'react-aria-components';
import { day } from './address.js';
import { CalendarButton } from './calendar-button.js';
import { useTypedText } from './typed-text.js';

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
  const [typed, setTyped] = useTypedText(value);
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
        <CalendarButton value={readDay(typed.trim()) ?? ''} onChange={type} />
      </span>
      {hint !== undefined && <Text slot="description">{hint}</Text>}
      <FieldError />
    </TextField>
  );
}

function isDayOrNothing(text: string): boolean {
  return text.trim() === '' || readDay(text.trim()) !== undefined;
}
