/** A search: it reports the text once typing pauses, and follows the address when it changes by itself. */
import { useEffect } from 'react';
import { useTypedText } from './typed-text.js';

const TYPING_MS = 250;

export function SearchBox({
  label,
  value,
  onChange,
}: {
  label: string;
  value: string;
  onChange: (value: string) => void;
}) {
  const [typed, setTyped] = useTypedText(value);
  useEffect(() => {
    if (typed === value) return undefined;
    const timer = setTimeout(() => onChange(typed), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed, value, onChange]);
  return (
    <label className="search">
      <span className="unseen">{label}</span>
      <input
        type="search"
        placeholder={label}
        value={typed}
        spellCheck={false}
        onChange={({ target }) => setTyped(target.value)}
      />
    </label>
  );
}
