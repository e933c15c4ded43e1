/** What an audit entry changed, on one line: `monthly_cap: $100.00 → $1,000.00`. */
import { formatUsd } from '@tally/client/protocol';
import { money } from '../amounts.js';

type Change = { readonly before?: unknown; readonly after?: unknown };

export function changedFields({ before, after }: Change): string {
  const [was, is] = [fieldsOf(before), fieldsOf(after)];
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])];
  const changed = names.filter(
    (name) => JSON.stringify(was[name] ?? null) !== JSON.stringify(is[name] ?? null),
  );
  return changed
    .filter((name) => name !== OWN_LIMITS || changed.length === 1)
    .map((name) => {
      const then = name in was ? `${textOf(name, was[name])} → ` : '';
      return `${name.replace(PICOS, '').replace(USD, '')}: ${then}${name in is ? textOf(name, is[name]) : 'gone'}`;
    })
    .join(', ');
}

/** `mended.model` for a field within another. */
function fieldsOf(value: unknown, name = ''): Record<string, unknown> {
  if (value === null || value === undefined) return {};
  if (typeof value !== 'object' || Array.isArray(value)) return { [name || 'value']: value };
  const fields = Object.entries(value).map(([inner, each]) => {
    const path = name === '' ? inner : `${name}.${inner}`;
    return each === null ? { [path]: null } : fieldsOf(each, path);
  });
  return Object.assign({}, ...fields) as Record<string, unknown>;
}

const USD = /_usd$/;
/** Some entries keep amounts as whole picodollars. */
const PICOS = /_picos$/;
/** Which limits are the customer's own: it says something only where no limit changes with it. */
const OWN_LIMITS = 'own_limits';

function textOf(name: string, value: unknown): string {
  if (value === null || value === undefined) return 'none';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (PICOS.test(name) && /^-?\d+$/.test(text)) return money(formatUsd(BigInt(text)));
  return USD.test(name) && /^-?\d+(\.\d+)?$/.test(text) ? money(text) : text;
}
