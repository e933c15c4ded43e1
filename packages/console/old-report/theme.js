/** Light, dark, or the system's theme; kept in this browser. */
import { byId } from './dom.js';

export function listenToTheme(onChange) {
  const select = byId('theme');
  select.value = document.documentElement.dataset.theme;
  select.addEventListener('change', () => {
    document.documentElement.dataset.theme = select.value;
    localStorage.setItem('tally.theme', select.value);
    onChange();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', onChange);
}
