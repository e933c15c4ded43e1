/** Light, dark, or the system's theme; kept in this browser. public/theme-first.js applies it before the first paint. */
import { useState } from 'react';
import { SelectBox } from '../parts/select-box.js';

const THEMES = [
  { value: 'system', label: 'System' },
  { value: 'light', label: 'Light' },
  { value: 'dark', label: 'Dark' },
];

export function ThemeSelect({ isLabelled = false }: { isLabelled?: boolean }) {
  const [theme, setTheme] = useState(document.documentElement.dataset['theme'] ?? 'system');
  const choose = (next: string) => {
    document.documentElement.dataset['theme'] = next;
    localStorage.setItem('tally.theme', next);
    setTheme(next);
  };
  return (
    <SelectBox label="Colours" isLabelHidden={!isLabelled} value={theme} options={THEMES} onChange={choose} />
  );
}
