/** An event: what happened, once. Every delivery of it, to every receiver, carries the same text under the same id. */
import { randomId } from '../domain/ids.js';

export type Event = {
  readonly id: string;
  readonly type: string;
  /** The body as it is sent and signed: `{"id", "type", "timestamp", "data"}`. */
  readonly payload: string;
};

export function newEvent(of: { type: string; at: Date; data: Readonly<Record<string, unknown>> }): Event {
  const id = randomId('evt');
  const payload = JSON.stringify({ id, type: of.type, timestamp: of.at.toISOString(), data: of.data });
  return { id, type: of.type, payload };
}
