import { printTable } from './table.js';

/** What a bench is to show. `measured` passes at or below `most`, or at or above `least`. */
export type Target = { readonly of: string; readonly measured: number } & (
  { readonly most: number } | { readonly least: number }
);

export function printTargets(targets: readonly Target[]): void {
  const rows = targets.map((target) => {
    const { of, measured } = target;
    const isPassed = 'most' in target ? measured <= target.most : measured >= target.least;
    const bound = 'most' in target ? `at most ${target.most}` : `at least ${target.least}`;
    return { of, target: bound, measured, passed: isPassed ? 'yes' : 'NO' };
  });
  printTable('Targets', rows);
}
