/** Where usage events wait until Tally has them, first in, first out: in memory or on disk. */
import type { UsageEvent } from '../protocol/usage-event.js';
import { TallyClientError } from '../tally-client-error.js';

export interface EventStore {
  /** Throws `outbox_full` where there is no room. */
  add(event: PendingEvent): void;
  /** The oldest events: at least one, unless the store is empty. */
  oldest(countMax: number): Promise<readonly PendingEvent[]>;
  /** Removes the first `count` of what `oldest` returned: they are settled. */
  removeOldest(count: number): void;
  readonly isEmpty: boolean;
  /** From 0 to 1. */
  fillRatio(): number;
  /** Rejects the reports of events that would not survive this process. */
  close(): Promise<void>;
}

export interface PendingEvent {
  readonly event: UsageEvent;
  /** Resolves the event's report, because the event is safe. May be called more than once. */
  resolve(): void;
  reject(error: TallyClientError): void;
  /** True once the event is on disk: its report has resolved, so a later refusal must be told in another way. */
  isOnDisk: boolean;
  /** True once Tally has accepted the event, or has refused it for good. */
  isSettled: boolean;
}

export function closedEarly(): TallyClientError {
  return new TallyClientError('outbox_closed', 'The outbox closed before Tally acknowledged the event');
}
