/** Events that wait in memory: they survive an outage of Tally, but not the end of this process. */
import { TallyClientError } from '../tally-client-error.js';
import { closedEarly, type EventStore, type PendingEvent } from './event-store.js';

export class MemoryStore implements EventStore {
  private readonly events: PendingEvent[] = [];

  constructor(private readonly countMax: number) {}

  add(event: PendingEvent): void {
    if (this.events.length >= this.countMax) {
      throw new TallyClientError('outbox_full', `${this.events.length} usage events are waiting already`);
    }
    this.events.push(event);
  }

  async oldest(countMax: number): Promise<readonly PendingEvent[]> {
    return this.events.slice(0, countMax);
  }

  removeOldest(count: number): void {
    this.events.splice(0, count);
  }

  get isEmpty(): boolean {
    return this.events.length === 0;
  }

  fillRatio(): number {
    return this.events.length / this.countMax;
  }

  async close(): Promise<void> {
    for (const event of this.events.splice(0)) event.reject(closedEarly());
  }
}
