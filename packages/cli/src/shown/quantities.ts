/** `1,016 input, 204 output`. */
import { count } from '../amounts.js';

export function quantitiesOf(quantities: Readonly<Record<string, number>>): string {
  return Object.entries(quantities)
    .map(([meter, quantity]) => `${count(quantity)} ${meter}`)
    .join(', ');
}
