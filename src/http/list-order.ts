/** The order of a list, and where its next page begins. */

/** By time `desc` is newest first; by name `asc` is from A on. */
export type Order = 'asc' | 'desc';

/** What lies behind the value in this order, as a condition of Prisma's. */
export function behind<T>(value: T, order: Order): { lt: T } | { gt: T } {
  return order === 'asc' ? { gt: value } : { lt: value };
}

/** Rows behind this one, where the id decides among those of one time. */
export function behindRow({ createdAt, id }: { createdAt: Date; id: string }, order: Order) {
  return { OR: [{ createdAt: behind(createdAt, order) }, { createdAt, id: behind(id, order) }] };
}

/** The order of such rows. */
export function byTimeOfCreation(order: Order) {
  return [{ createdAt: order }, { id: order }];
}

/** Rows in the order asked for; they come in the list's usual one. */
export function inOrder<T>(
  rows: readonly T[],
  { order, usual }: { order: Order; usual: Order },
): readonly T[] {
  return order === usual ? rows : rows.toReversed();
}

/** What a row of the next page is to the last one of this page, in SQL. */
export function comparisonOf(order: Order): '>' | '<' {
  return order === 'asc' ? '>' : '<';
}
