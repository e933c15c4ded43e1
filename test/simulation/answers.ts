/** What the simulation asks and what it compares of the answers. */
import type { Answer } from '../support/app.js';
import { monthOf } from './calendar.js';
import type { Order, Verdict } from './decisions.js';
import type { Delivery } from './facts.js';
import { PROJECTS } from './generator.js';
import type { Model } from './model.js';
import { usdOf, usdOrNull } from './usd.js';

/** A job is an event or an array of events. */
export function jobOf(job: readonly Delivery[]): unknown {
  const [only] = job;
  return job.length === 1 && !Array.isArray(only!.body) ? only!.body : job.map(({ body }) => body);
}

export function bodyOf(order: Order): object {
  return {
    project: `${order.entity}/${order.project}`,
    model: order.model,
    ...(order.input !== null && { input_tokens: order.input }),
    ...(order.bytes !== null && { input_bytes: order.bytes }),
    ...(order.inputs !== 1 && { input_count: order.inputs }),
    max_output_tokens: order.output,
    request_id: order.requestId,
    ttl_seconds: order.ttlSeconds,
  };
}

export function verdictOf({ status, body }: Answer): Verdict | object {
  if (status === 201) {
    const { period, hold_usd, remaining } = body;
    return { status, period, hold_usd, remaining };
  }
  if (status === 200) return { status, period: body.period, remaining: body.remaining };
  if (status === 429) return { status, limit: body.error.details.limit, code: body.error.code };
  return { status };
}

export function balanceOf(body: Answer['body']): object {
  return {
    credits: body.credits_usd,
    held: body.held_usd,
    month: body.month_to_date_usd,
    year: body.year_to_date_usd,
    caps: [body.monthly_cap_usd, body.yearly_cap_usd],
    projects: body.projects.map((row: Record<string, unknown>) => [
      row['project'],
      row['month_to_date_usd'],
      row['monthly_cap_usd'],
    ]),
  };
}

/** The same, as the model has it. */
export function balanceBy(
  model: Model,
  entity: string,
  { nowMs, heldPicos }: { nowMs: number; heldPicos: bigint },
): object {
  const account = model.accounts.get(entity);
  const limits = model.limitsOf(entity);
  const month = monthOf(nowMs);
  const year = [...(account?.spend ?? [])].filter(([period]) => period.startsWith(month.slice(0, 5)));
  const projects = PROJECTS.filter((project) => account?.projects.has(project)).toSorted();
  return {
    credits: usdOf(account?.credits(nowMs) ?? 0n),
    held: usdOf(heldPicos),
    month: usdOf(account?.spend.get(month) ?? 0n),
    year: usdOf(year.reduce((sum, [, cost]) => sum + cost, 0n)),
    caps: [usdOrNull(limits.monthlyCap), usdOrNull(limits.yearlyCap)],
    projects: projects.map((project) => [
      project,
      usdOf(account?.projectSpend.get(`${month} ${project}`) ?? 0n),
      usdOrNull(model.projectCap(entity, project)),
    ]),
  };
}
