/** The rules of FOCUS that concern a dataset as a whole. Each returns what is broken, a sentence each. */
export type FocusRecord = Readonly<Record<string, string | null>>;

/** Custom columns come after all others, `x_` and PascalCase. */
export function checkColumnOrder(header: readonly string[]): string[] {
  const firstCustom = header.findIndex((column) => column.startsWith('x_'));
  const custom = firstCustom === -1 ? [] : header.slice(firstCustom);
  return [
    ...custom
      .filter((column) => !/^x_[A-Z][A-Za-z]*$/.test(column))
      .map((column) => `${column} is no custom column`),
    ...(new Set(header).size === header.length ? [] : ['a column is there twice']),
  ];
}

/** A SKU price belongs to one SKU, and a SKU keeps its meter. */
export function checkParents(rows: readonly FocusRecord[]): string[] {
  return [
    ['SkuPriceId', 'SkuId'],
    ['SkuId', 'SkuMeter'],
  ].flatMap(([child = '', parent = '']) => {
    const parents = new Map<string, string | null>();
    return rows.flatMap((row) => {
      const id = row[child] ?? null;
      if (id === null) return [];
      const before = parents.get(id) ?? row[parent] ?? null;
      parents.set(id, before);
      return before === row[parent] ? [] : [`${child} ${id} has two of ${parent}`];
    });
  });
}

/** A SKU price has one list price, one contracted price, and one unit for both. */
export function checkOnePrice(rows: readonly FocusRecord[]): string[] {
  const prices = new Map<string, string>();
  return rows.flatMap((row) => {
    const id = row['SkuPriceId'] ?? null;
    if (id === null) return [];
    const price = [row['ListUnitPrice'], row['ContractedUnitPrice'], row['PricingUnit']].join(' ');
    const before = prices.get(id) ?? price;
    prices.set(id, before);
    return before === price ? [] : [`SkuPriceId ${id} has two prices: ${before}, ${price}`];
  });
}
