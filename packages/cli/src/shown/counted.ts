/** What lists and the tail of counted events share: their filters and their cost. */
import type { Command } from 'commander';
import { roundMoney } from '../amounts.js';
import type { Schema } from '../api/client.js';
import { asName } from '../grammar.js';

export type Event = Schema<'CountedUsageEvent'>;

export type Selection = { readonly project?: string; readonly model?: string };

export function selected(made: Command): Command {
  return made
    .option('--project <project>', 'only those of this project', asName)
    .option('--model <model>', 'only those of this model');
}

export function queryOf({ project, model }: Selection) {
  return {
    ...(project !== undefined && { project: [project] }),
    ...(model !== undefined && { model: [model] }),
  };
}

export function costOf(event: Event): string {
  if (event.unpriced) return 'no price';
  const suffix = event.corrections.some(({ kind }) => kind === 'void') ? ' voided' : '';
  return `${roundMoney(event.cost_usd)}${suffix}`;
}
