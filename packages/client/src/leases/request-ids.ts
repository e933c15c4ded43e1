/**
 * The request ids that this process has seen, so that a used one is not admitted a second time: as Tally's own, an id stands for one
 * request while its reservation lives and is used up for a quarter of an hour afterwards. Bounded: beyond it the oldest is forgotten.
 */
import type { ReservationRequest } from '../tally-client.js';
import type { Instant } from './lease.js';

const USED_MS = 900_000;
const IDS_MAX = 50_000;

interface Use {
  readonly content: string;
  /** Null where Tally decided: it knows the id itself. */
  readonly reservationId: string | null;
  endedMs: number | null;
}

export class RequestIds {
  /** Oldest first. */
  private readonly uses = new Map<string, Use>();
  private readonly keys = new Map<string, string>();

  /** What a request with an id must do: it is new, known to Tally, the same as one in flight, or the id is used. */
  look(request: ReservationRequest, now: Instant): 'new' | 'central' | 'used' | { readonly id: string } {
    const use = this.uses.get(keyOf(request));
    if (use === undefined) return 'new';
    if (use.reservationId === null) return 'central';
    if (use.endedMs !== null && now.monotonicMs - use.endedMs >= USED_MS) return 'new';
    if (use.endedMs !== null || use.content !== contentOf(request)) return 'used';
    return { id: use.reservationId };
  }

  note(request: ReservationRequest, reservationId: string | null): void {
    const key = keyOf(request);
    this.forget(key);
    for (const oldest of this.uses.keys()) {
      if (this.uses.size < IDS_MAX) break;
      this.forget(oldest);
    }
    this.uses.set(key, { content: contentOf(request), reservationId, endedMs: null });
    if (reservationId !== null) this.keys.set(reservationId, key);
  }

  /** Its request was finished or released. */
  end(reservationId: string, now: Instant): void {
    const use = this.uses.get(this.keys.get(reservationId) ?? '');
    if (use !== undefined) use.endedMs ??= now.monotonicMs;
  }

  private forget(key: string): void {
    const id = this.uses.get(key)?.reservationId;
    if (id !== undefined && id !== null) this.keys.delete(id);
    this.uses.delete(key);
  }
}

function keyOf({ project, requestId = '' }: ReservationRequest): string {
  return `${project}\n${requestId}`;
}

function contentOf(request: ReservationRequest): string {
  const { model, inputTokens, inputBytes, maxOutputTokens, serviceTier = 'default', region } = request;
  const { inputCount = 1, outputCount = 1 } = request;
  const counts = [inputTokens, inputBytes, maxOutputTokens, inputCount, outputCount];
  return JSON.stringify([model, counts, serviceTier, region]);
}
