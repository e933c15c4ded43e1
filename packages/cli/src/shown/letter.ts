/** What the commands about dead letters share: filters, and the customer of one. */
import type { Command } from 'commander';
import type { Schema } from '../api/client.js';
import { asName, asSince } from '../grammar.js';

export type Filter = {
  readonly entity?: string;
  readonly subject?: string;
  readonly code?: string;
  readonly reason?: string;
  readonly since?: number;
  readonly until?: number;
};

export function filtered(made: Command): Command {
  return made
    .option('--entity <entity>', 'only those of this customer', asName)
    .option('--subject <entity/project>', 'only those of this project')
    .option('--code <code>', 'only those with this code, such as invalid_tokens')
    .option('--reason <text>', 'only those with this in their message')
    .option('--since <time>', 'last seen from then on: 7d, 24h, 2026-11-01', asSince)
    .option('--until <time>', 'last seen before then', asSince);
}

export function filterOf({ entity, subject, code, reason, since, until }: Filter) {
  return {
    ...(entity !== undefined && { entity }),
    ...(subject !== undefined && { subject }),
    ...(code !== undefined && { code }),
    ...(reason !== undefined && { reason }),
    ...(since !== undefined && { start_time: since }),
    ...(until !== undefined && { end_time: until }),
  };
}

export function subjectOf({ entity, project }: Schema<'DeadLetter'>): string {
  if (entity === null) return '';
  return project === null ? entity : `${entity}/${project}`;
}
