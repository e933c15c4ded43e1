/** Two months of books with everything that FOCUS has rows for: October, which is closed, and November, which corrects it. */
import { DAY_MS } from '../../src/domain/buckets.js';
import type { UsageEvent } from '../../src/domain/usage.js';
import type { Books } from './books.js';
import { anEvent } from './builders.js';
import { buy, publish, setFrozen, voidEvent, voidGrant } from './correcting.js';

const ENTITY = 'odd-months';
const USD = 10n ** 12n;
const MODEL = 'vendor/model-a';
/** What CSV and ids have to look after: a formula's start, and letters beyond ASCII. */
const ODD_MODEL = '@cf/modèle-b';

/** By the million of tokens; one of them is cheaper for the entity itself. */
async function publishPrices(books: Books): Promise<void> {
  await publish(books, MODEL, '2.5');
  await publish(books, ODD_MODEL, '3');
  await publish(books, ODD_MODEL, '1.5', { entity: ENTITY });
}

export async function fillOddMonths(books: Books): Promise<void> {
  const { clock, recorder } = books;
  const use = async (model: string, tokens: number, override: Partial<UsageEvent> = {}) => {
    const quantities = { input: tokens, cached_input: 1_000, output: 501 };
    const used = { model, quantities, occurredAt: clock.now(), ...override };
    const event = anEvent({ subject: `${ENTITY}/search`, ...used });
    await recorder.record([event]);
    return event;
  };
  clock.set('2026-10-20T12:00:00Z');
  await publishPrices(books);
  const bought = await buy(books, ENTITY, 3n * USD, { reference: 'Größe, 7' });
  await buy(books, ENTITY, 2n * USD, { expiresAt: new Date('2026-11-02T00:00:00Z') });
  await buy(books, ENTITY, USD / 10n, { category: 'promotional', priority: 10 });
  const wrong = await use(MODEL, 600_001);
  await use(ODD_MODEL, 200_003);
  await use('unpriced/in-october', 10_007);
  clock.set('2026-11-10T12:00:00Z');
  await books.expiry.expire();
  await books.posting.post();
  await books.periods.closePeriods();
  await use(MODEL, 33_333, { occurredAt: new Date('2026-10-25T08:00:00Z') });
  await voidEvent(books, wrong);
  const disputed = await buy(books, ENTITY, 2n * USD, { reference: 'inv_8' });
  const kept = await buy(books, ENTITY, USD, { reference: 'inv_9' });
  await use(MODEL, 1_500_009);
  await use(ODD_MODEL, 700_001);
  await use('unpriced/in-november', 20_011);
  await setFrozen(books, { entity: ENTITY, id: disputed.id }, 'freeze');
  // Of October, and more than is left of it.
  await voidGrant(books, { entity: ENTITY, id: bought.id }, { amountPicos: 3n * USD, refund: true });
  await voidGrant(books, { entity: ENTITY, id: kept.id }, { amountPicos: USD / 2n });
  await buy(books, ENTITY, USD / 4n, { category: 'promotional' });
  await buy(books, ENTITY, 5n * USD, { reference: 'inv_10' });
  await publish(books, MODEL, '1', { from: '2026-11-09T00:00:00Z' });
  const range = { from: new Date('2026-11-09T00:00:00Z'), to: new Date(clock.now().getTime() + DAY_MS) };
  await books.rerating.rerate({
    model: MODEL,
    entity: null,
    reason: 'a lower price',
    actor: 'test',
    ...range,
  });
  await use(MODEL, 3_000_000, { occurredAt: new Date('2026-11-10T12:30:00Z') });
  clock.set('2026-11-11T12:00:00Z');
  await books.posting.post();
}
