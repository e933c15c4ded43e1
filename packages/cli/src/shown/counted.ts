/** What lists and the tail of counted events share: their filters and their cost. */
import type { Command } from 'commander';
import { roundMoney } from '../amounts.js';
import type { Schema } from '../api/client.js';
import { asList } from '../grammar.js';

export type Event = Schema<'CountedUsageEvent'>;

export type Selection = {
  readonly project?: readonly string[];
  readonly model?: readonly string[];
  readonly user?: readonly string[];
  readonly apiKey?: readonly string[];
  readonly operation?: readonly string[];
  readonly tag?: readonly string[];
};

export function selected(made: Command): Command {
  return made
    .option('--project <names>', 'only that of these projects, comma separated', asList)
    .option('--model <names>', 'only that of these models', asList)
    .option('--user <ids>', 'only that of these users', asList)
    .option('--api-key <ids>', "only that of these keys of the gateway's callers", asList)
    .option('--operation <names>', 'only that of these operations, such as chat', asList)
    .option('--tag <name:value>', 'only that with one of these tags', asList);
}

export function queryOf({ project, model, user, apiKey, operation, tag }: Selection) {
  return {
    ...(project !== undefined && { project: [...project] }),
    ...(model !== undefined && { model: [...model] }),
    ...(user !== undefined && { user: [...user] }),
    ...(apiKey !== undefined && { api_key: [...apiKey] }),
    ...(operation !== undefined && { operation: [...operation] }),
    ...(tag !== undefined && { tag: [...tag] }),
  };
}

export function costOf(event: Event): string {
  if (event.unpriced) return 'no price';
  const suffix = event.corrections.some(({ kind }) => kind === 'void') ? ' voided' : '';
  return `${roundMoney(event.cost_usd)}${suffix}`;
}
