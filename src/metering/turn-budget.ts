/** Spreads work over turns of the event loop, so that a process that is given much at once still answers. */
import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * Saying what is wrong with an event takes thirty times as long as reading a right one (56 µs to 2), so a caller who sends many wrong ones
 * would keep everybody from being answered.
 */
export const REFUSED_IN_A_TURN_MAX = 100;

export class TurnBudget {
  private spent = 0;

  constructor(private readonly countMax: number) {}

  /** Resolves in a turn with room for so many; one that is larger than a turn has one of its own. */
  async admit(count: number): Promise<void> {
    while (this.spent > 0 && this.spent + count > this.countMax) await nextTurn();
    if (this.spent === 0) setImmediate(() => (this.spent = 0));
    this.spent += count;
  }
}
