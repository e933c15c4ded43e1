/** Entries of the audit log as people read them: dollars, days and words where the log has its fields. Pure. */
import { differs, pairsOf } from '../../parts/pairs.js';
import { picosOf, readableUsd, roundUsd } from '../../parts/money.js';
import { minuteOf } from '../../parts/times.js';
import { KIND_WORDS } from '../alerts/words.js';
import { actionWords } from './actions.js';

type Entry = { readonly action: string; readonly before?: unknown; readonly after?: unknown };

/** `Monthly cap: $100 → $120`. Of what was made, or of a field that came, there is nothing before. */
export type ChangeInWords = {
  readonly field: string;
  readonly before: string | null;
  readonly after: string;
};

/** What was done, in a few words: `Bought $500.00 of credits`. */
export function headlineOf({ action, after }: Entry): string {
  const field = (name: string) => fieldOf(after, name);
  const amount = moneyIn('amount_picos', field('amount_picos'));
  const taken = moneyIn('taken_picos', field('taken_picos'));
  if (action === 'credits.grant' && amount !== null)
    return field('category') === 'paid' ? `Bought ${amount} of credits` : `Gave ${amount} of credits`;
  if (action === 'credits.void' && taken !== null) return `Took back ${taken} of credits`;
  if (action === 'credits.refund' && taken !== null) return `Refunded ${taken} of credits`;
  if (action === 'entities.put' && typeof field('plan') === 'string')
    return `Plan set to ${String(field('plan'))}`;
  return actionWords(action);
}

/** The fields that differ and that the headline does not say. Of what was made, those that are set. */
export function changesOf({ action, before, after }: Entry): ChangeInWords[] {
  const isMade = before === null || before === undefined;
  return pairsOf(before, after)
    .filter(differs)
    .filter(({ field }) => field !== 'entity' && !(SAID_ALREADY[action] ?? []).includes(field))
    .filter(({ after: value }) => !(isMade && isNothing(value)))
    .map((pair) => ({
      field: fieldWords(pair.field),
      before: isMade || pair.before === undefined ? null : valueWords(pair.field, pair.before),
      after: valueWords(pair.field, pair.after),
    }));
}

/** All of them in one text: `Monthly cap: $100 → $120; Mode: …`. */
export function changesText(entry: Entry): string {
  return changesOf(entry)
    .map(({ field, before, after }) => `${field}: ${before === null ? '' : `${before} → `}${after}`)
    .join('; ');
}

const SAID_ALREADY: Readonly<Record<string, readonly string[]>> = {
  'credits.grant': ['amount_picos', 'category', 'priority', 'effective_at'],
  'webhooks.test': ['delivery'],
  'credits.void': ['taken_picos'],
  'credits.refund': ['taken_picos'],
};

/** A field's last name; what is not here reads well with spaces for its underscores. */
const FIELD_WORDS: Readonly<Record<string, string>> = {
  spend_limit: 'Own spend limit',
  max_concurrent_requests: 'Requests in flight, at most',
  overage: 'When credits are gone',
  quota_mode: 'Mode',
  own_limits: 'Limits of its own',
  remaining: 'Left',
  owed: 'Owed',
  debt: 'Made a debt',
  expires: 'Expires',
  effective: 'From',
  effective_from: 'In force from',
  frozen: 'Frozen since',
  revoked: 'Revoked',
  successor: 'Followed by',
  monthly_credit: 'Credits each month',
  threshold: 'At a spend of',
  recipients: 'Mailed to',
  older_than_seconds: 'Older than, in seconds',
  share_percent: 'Percent of the cap',
  url: 'Address',
  param: 'Field',
};

export function fieldWords(field: string): string {
  const last = field.replace(/_(picos|usd|at)$/, '');
  const known = FIELD_WORDS[last];
  if (known !== undefined) return known;
  const plain = last.replaceAll('_', ' ').replaceAll('.', ', ');
  return plain.charAt(0).toUpperCase() + plain.slice(1);
}

const VALUE_WORDS: Readonly<Record<string, string>> = {
  'overage blocked': 'requests are refused',
  'overage allowed': 'requests go on as overage',
  'quota_mode enforce': 'limits refuse requests',
  'quota_mode shadow': 'shadow: limits are noted alone',
  'quota_mode off': 'off: no limit is checked',
};

const ALERT_KINDS: Readonly<Record<string, string>> = KIND_WORDS;

/** Fields in which null is the lack of a limit. */
const LIMIT = /(_cap_usd|_cap_picos|spend_limit_usd|max_concurrent_requests)$/;

export function valueWords(field: string, value: unknown): string {
  if (isNothing(value)) return LIMIT.test(field) ? 'no limit' : 'none';
  const money = moneyIn(field, value);
  if (money !== null) return money;
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) {
    const each = (one: unknown) => (field === 'own_limits' ? fieldWords(String(one)) : valueWords('', one));
    return value.map(each).join(', ');
  }
  if (typeof value !== 'string') return JSON.stringify(value);
  if (/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value)) return minuteOf(Date.parse(value) / 1_000);
  if (field === 'kind') return ALERT_KINDS[value] ?? value;
  return VALUE_WORDS[`${field} ${value}`] ?? value;
}

/** Null where the field holds no amount. */
function moneyIn(field: string, value: unknown): string | null {
  if (typeof value !== 'string') return null;
  if (field.endsWith('_picos') && /^-?\d+$/.test(value)) return readableUsd(BigInt(value));
  if (field.endsWith('_usd') && /^-?\d+(\.\d{1,12})?$/.test(value)) return roundUsd(picosOf(value));
  return null;
}

function isNothing(value: unknown): boolean {
  return (
    value === null || value === undefined || value === '' || (Array.isArray(value) && value.length === 0)
  );
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
