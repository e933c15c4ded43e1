/** More customers, and more groups of usage, than a page can draw. */
import type { TestApp } from './app.js';
import { anEvent } from './builders.js';
import { recordUsage } from './usage.js';

/** `many-00001` and so on, without usage. */
export async function addManyCustomers({ postgres }: TestApp, count: number): Promise<void> {
  await postgres.pool.query(
    `insert into entities (name, plan, created_at)
      select 'many-' || lpad(n::text, 5, '0'), 'free', '2026-11-01' from generate_series(1, $1::integer) n`,
    [count],
  );
}

/** One event for each of so many users of the entity: `user-00001` and so on. */
export async function addManyUsers(app: TestApp, entity: string, count: number): Promise<void> {
  const events = Array.from({ length: count }, (_, index) =>
    anEvent({
      id: `many-${index}`,
      subject: `${entity}/chat`,
      userId: `user-${String(index + 1).padStart(5, '0')}`,
      quantities: { input: 1_000 + index, output: 100 },
    }),
  );
  for (let at = 0; at < count; at += 1_000) await recordUsage(app, events.slice(at, at + 1_000));
}
