/** The figures of listed events and their totals: of all meters, or of the one that the list is filtered by, as a statement's line has it. */
import { Amount } from '../../parts/amount.js';
import { Count } from '../../parts/count.js';
import type { Column } from '../../parts/data-table.js';
import { meterName, othersOf } from '../../parts/meters.js';
import { exactText, groupDigits, picosOf, sumPicos } from '../../parts/money.js';
import { othersText } from '../../parts/words.js';
import { linesOf } from './explained.js';
import type { CountedEvent } from './marks.js';

const OTHERS: Column<CountedEvent> = {
  id: 'others',
  header: 'Other meters',
  width: 11,
  cell: ({ quantities }) => othersText(othersOf(quantities)),
};

const USUAL = [
  count('input_tokens', 'Input', (event) => event.input_tokens),
  count('cached_input_tokens', 'Cached input', (event) => event.cached_input_tokens),
  count('output_tokens', 'Output', (event) => event.output_tokens),
];

function count(id: string, header: string, of: (event: CountedEvent) => number): Column<CountedEvent> {
  return { id, header, isNumber: true, width: 5, cell: (event) => <Count of={of(event)} />, csv: of };
}

export function figureColumns(rows: readonly CountedEvent[], meter: string | null): Column<CountedEvent>[] {
  if (meter !== null) return [quantityColumn(meter), costColumn(meter)];
  const hasOthers = rows.some(({ quantities }) => Object.keys(othersOf(quantities)).length > 0);
  return [...USUAL, ...(hasOthers ? [OTHERS] : [])];
}

function quantityColumn(meter: string): Column<CountedEvent> {
  return { ...count('quantity', meterName(meter), (event) => event.quantities[meter] ?? 0), width: 7 };
}

function costColumn(meter: string): Column<CountedEvent> {
  return {
    id: 'meter_cost',
    header: `Cost of ${meterName(meter).toLowerCase()}`,
    isNumber: true,
    width: 8,
    cell: (event) => {
      const picos = costOf(event, meter);
      return picos === null ? 'no price yet' : exactText(picos);
    },
  };
}

function costOf(event: CountedEvent, meter: string): bigint | null {
  return linesOf(event).find((line) => line.meter === meter)?.picos ?? null;
}

/** Of every event of the list. */
export function totalsOf(rows: readonly CountedEvent[], meter: string | null) {
  const sum = (of: (event: CountedEvent) => number) => (
    <Count of={rows.reduce((all, event) => all + of(event), 0)} />
  );
  return {
    occurred_at: `Total of ${groupDigits(rows.length)}`,
    cost_usd: <Amount usd={sumPicos(rows, ({ cost_usd: usd }) => picosOf(usd))} />,
    input_tokens: sum((event) => event.input_tokens),
    cached_input_tokens: sum((event) => event.cached_input_tokens),
    output_tokens: sum((event) => event.output_tokens),
    ...(meter !== null && {
      quantity: sum((event) => event.quantities[meter] ?? 0),
      meter_cost: exactText(sumPicos(rows, (event) => costOf(event, meter) ?? 0n)),
    }),
  };
}
