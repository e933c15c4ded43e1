/** What an audit entry changed, on one line: `monthly_cap: $100.00 → $1,000.00`. */
import { formatUsd } from '@tally/client/protocol';
import { money } from '../amounts.js';

type Change = { readonly before?: unknown; readonly after?: unknown };

export function changedFields({ before, after }: Change): string {
  const [was, is] = [objectOf(before), objectOf(after)];
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])];
  return names
    .filter((name) => JSON.stringify(was[name]) !== JSON.stringify(is[name]))
    .map((name) => {
      const then = name in was ? `${textOf(name, was[name])} → ` : '';
      return `${name.replace(PICOS, '')}: ${then}${name in is ? textOf(name, is[name]) : 'gone'}`;
    })
    .join(', ');
}

function objectOf(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  return value === null || value === undefined ? {} : { value };
}

/** The log keeps amounts as whole picodollars. */
const PICOS = /_picos$/;

function textOf(name: string, value: unknown): string {
  if (value === null || value === undefined) return 'none';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return PICOS.test(name) && /^-?\d+$/.test(text) ? money(formatUsd(BigInt(text))) : text;
}
