/** How a publication comes to have the price book alone without stopping those who count. */
import { setTimeout as delay } from 'node:timers/promises';
import { Unavailable } from '../platform/unavailable.js';
import type { Tx } from '../platform/database.js';
import { awaitPriceBook, tryLockPriceBook } from './price-book.sql.js';

/** Between two waits, so that those who came to wait behind one go first. */
const PAUSE_MS = 300;

/** About ten seconds of pauses and waits. */
const WAITS_MAX = 25;

/**
 * Takes the book alone until the transaction ends: no event is rated by a book that changes before the event is committed. Those who share
 * the book are usually done within milliseconds. Where one of them takes longer, this waits a tenth of a second at a time and lets
 * all who count pass in between: otherwise they would stand behind it for as long as the slowest of them.
 */
export async function lockPriceBook(tx: Tx): Promise<void> {
  for (let waits = 0; waits < WAITS_MAX; waits += 1) {
    if (waits > 0) await delay(PAUSE_MS);
    if (await tryLockPriceBook(tx)) return;
    await awaitPriceBook(tx);
    if (await tryLockPriceBook(tx)) return;
  }
  throw new Unavailable('postgres', new Error('the price book is in use by usage that is being counted'));
}
