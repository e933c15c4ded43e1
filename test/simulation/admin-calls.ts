/** An admin's calls while nothing else runs: the model predicts every answer, also to a preview and to a repetition. */
import assert from 'node:assert/strict';
import type { TestApp } from '../support/app.js';
import { apply, requestOf, type Change } from './changes.js';
import { isOfConflicts, resolvedBy, resolving } from './conflicts.js';
import { isVoid, mispriced, paidFor, rerating, voiding, type Paid } from './corrections.js';
import { grantShown, isOfCredits, isRefused } from './credit-changes.js';
import { damage } from './damage.js';
import type { Sql } from './invariants.js';
import type { Counted, Model } from './model.js';
import { erasing } from './persons.js';
import type { Random } from './random.js';

type Asked = {
  readonly call: TestApp['call'];
  readonly sql: Sql;
  readonly model: Model;
  readonly random: Random;
  readonly nowMs: number;
  readonly key: string;
};

export async function makeChange(change: Change, asked: Asked): Promise<void> {
  const { sql, model, nowMs, key } = asked;
  const { request, body, asOwnerOf } = requestOf(change);
  const call = asOwnerOf === undefined ? asked.call : await asOwner(asked.call, asOwnerOf);
  const paid = await paidFor(sql, concerned(change, model));
  if (change.what === 'repair') await damageOf(change.entity, asked);
  const predicted = predict(change, model, { nowMs, paid });
  const hasPreview = change.what === 'rerate' || change.what === 'repair' || isOfConflicts(change);
  const previewed = hasPreview ? await call(`${request}?dry_run=true`, { body }) : null;
  const answer = await call(request, { body, headers: { 'idempotency-key': key } });
  if (
    isOfCredits(change) &&
    change.what === 'take' &&
    isRefused(change, model.accounts.get(change.entity)!)
  ) {
    assert.equal(answer.status, 400, `${request} is refused: ${answer.text}`);
    return;
  }
  assert.ok(answer.status < 300, `${request}: ${answer.text}`);
  if (predicted !== null)
    assert.deepEqual(pick(answer.body, predicted), predicted, `${request}: ${answer.text}`);
  if (previewed !== null)
    assert.deepEqual({ ...previewed.body, dry_run: false }, answer.body, previewed.text);
  const resolved = isOfConflicts(change) ? await resolvedBy(sql, change) : [];
  apply(change, model, { id: String(answer.body.id), nowMs, paid, resolved });
  if (isOfCredits(change)) {
    const shown = grantShown(model.accounts.get(change.entity)!, { id: String(answer.body.id), nowMs });
    assert.deepEqual(pick(answer.body, shown), shown, `${request}: ${answer.text}`);
  }
  // A repetition gets the same answer and changes nothing.
  const again = await call(request, { body, headers: { 'idempotency-key': key } });
  if (/^(POST|PATCH)/.test(request)) assert.deepEqual(again.body, answer.body);
  if (change.what === 'void') assert.deepEqual((await call(request, { body })).body, answer.body);
  if (!hasPreview || (isOfConflicts(change) && change.limit !== null)) return;
  const { body: left } = await call(request, { body });
  assert.equal(left.changed ?? left.answered, 0, `nothing is left: ${JSON.stringify(left)}`);
}

/** Calls with a new key of the customer. */
async function asOwner(call: TestApp['call'], entity: string): Promise<TestApp['call']> {
  const { body } = await call('POST /v1/admin/keys', { body: { name: 'simulated', role: 'owner', entity } });
  return (request, options) => call(request, { ...options, key: body.secret });
}

/** The events whose payment the change affects. */
export function concerned(change: Change, model: Model): Counted[] {
  if (change.what === 'void') return [change.event];
  return change.what === 'rerate' ? mispriced(model, change).map(({ counted }) => counted) : [];
}

function predict(change: Change, model: Model, at: { nowMs: number; paid: Paid }): object | null {
  if (change.what === 'rerate') return rerating(mispriced(model, change));
  if (change.what === 'erase') return erasing(change, model);
  if (isOfConflicts(change)) return resolving(change, model);
  return change.what === 'void' && !isVoid(change.event) ? voiding(change.event, at) : null;
}

/** The part of the answer that the model predicts. */
function pick(answer: Record<string, unknown>, predicted: object): object {
  return Object.fromEntries(Object.keys(predicted).map((name) => [name, answer[name]]));
}

async function damageOf(entity: string, { call, sql, random }: Asked): Promise<void> {
  const rows = await sql(`${damage(random, 'is alone')} returning 1`, [entity]);
  const { body } = await call('POST /v1/admin/reconciliation/repair?dry_run=true', { body: { entity } });
  assert.equal(body.changed > 0, rows.length > 0, `a repair finds what was changed: ${JSON.stringify(body)}`);
}
