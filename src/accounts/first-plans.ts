/** The plans that a first start adds. Every start may run it: it adds what is missing and changes nothing. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { expectationOf } from '../http/expectations.js';
import { parseUsd } from '../domain/money.js';
import type { Database } from '../platform/database.js';
import { addMissingPlans, NEW_PLAN } from './plans.js';

const plansFile = z.array(
  z.strictObject({
    name: z.string(),
    monthly_cap_usd: z.string().nullable(),
    yearly_cap_usd: z.string().nullable(),
    overage: z.enum(['blocked', 'allowed']),
  }),
);

export async function ensureFirstPlans(database: Database, file: URL): Promise<void> {
  const plans = plansFile.parse(JSON.parse(await readFile(file, 'utf8')), { error: expectationOf });
  await addMissingPlans(
    database.reader,
    plans.map((plan) => ({
      ...NEW_PLAN,
      name: plan.name,
      monthlyCapPicos: usdOrNull(plan.monthly_cap_usd),
      yearlyCapPicos: usdOrNull(plan.yearly_cap_usd),
      overage: plan.overage,
    })),
  );
}

function usdOrNull(text: string | null): bigint | null {
  return text === null ? null : parseUsd(text, 'cap');
}
