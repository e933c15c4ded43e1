/** The text of a field while it is typed. */
import { useState } from 'react';

/** Begins as `value`, and takes it over whenever that changes from outside, as by the address; not while `follows` is false. */
export function useTypedText(value: string, { follows = true } = {}) {
  const [typed, setTyped] = useState(value);
  const [seen, setSeen] = useState(value);
  if (seen !== value) {
    setSeen(value);
    if (follows) setTyped(value);
  }
  return [typed, setTyped] as const;
}
