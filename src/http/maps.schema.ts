/** Objects whose fields have names of their producers or of meters, in requests and answers. */
import { z } from 'zod';

/** A component for each, so that a generated client has one type for all. */
export const quantities = z
  .record(z.string(), z.int())
  .meta({ id: 'Quantities', description: 'By meter; negative where a correction gives back' });

export const amountsUsd = z
  .record(z.string(), z.string())
  .meta({ id: 'Amounts', description: 'US dollars by name' });

export const texts = z.record(z.string(), z.string()).meta({ id: 'Texts' });
