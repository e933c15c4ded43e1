/** What the door answered: every answer of every client, as it came in. */
import { TallyClient } from '../../../../packages/client/src/tally-client.js';

export type Seen = {
  readonly atMs: number;
  /** `POST /v1/quota/reservations` */
  readonly call: string;
  /** Null where the connection broke. */
  readonly status: number | null;
  readonly retryAfter: string | null;
  /** Whether the answer says that a server was unavailable. */
  readonly isDegraded: boolean;
  readonly body: string;
};

export class Door {
  readonly seen: Seen[] = [];

  constructor(
    readonly url: string,
    private readonly apiKey: string,
  ) {}

  client(): TallyClient {
    return new TallyClient({ baseUrl: this.url, apiKey: this.apiKey, timeoutMs: 10_000, fetch: this.fetch });
  }

  readonly fetch: typeof fetch = async (input, init) => {
    const call = `${init?.method ?? 'GET'} ${new URL(input instanceof Request ? input.url : input).pathname}`;
    const note = (of: Omit<Seen, 'atMs' | 'call'>) =>
      this.seen.push({ atMs: performance.now(), call, ...of });
    try {
      const response = await fetch(input, init);
      const body = await response.clone().text();
      const isDegraded = response.status >= 500 || body.includes('"degraded":true');
      note({
        status: response.status,
        retryAfter: response.headers.get('retry-after'),
        isDegraded,
        body: response.ok ? '' : body,
      });
      return response;
    } catch (error) {
      note({ status: null, retryAfter: null, isDegraded: true, body: String(error) });
      throw error;
    }
  };

  /** Answers that no caller should ever get: a fault of ours, or a refusal for now that does not say when to ask again. */
  faults(): Seen[] {
    return this.seen.filter(
      ({ status, retryAfter }) =>
        status !== null && status >= 500 && status !== 502 && !(status === 503 && retryAfter !== null),
    );
  }

  /** Reservations that nobody would decide. Where the connection to an API breaks under them, HAProxy says 502. */
  refusedReservations(): Seen[] {
    return this.seen.filter(({ call, status }) => call === 'POST /v1/quota/reservations' && status === 503);
  }

  /** How often each status was answered, from this answer on. */
  statuses(from: number): string {
    const counts = new Map<string, number>();
    for (const { status } of this.seen.slice(from)) {
      const name = String(status ?? 'broken');
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    return [...counts]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, count]) => `${name}: ${count}`)
      .join(', ');
  }

  /** From the first answer that was degraded to the last. */
  degradedSeconds(fromMs: number, toMs: number): number {
    const times = this.seen.flatMap(({ atMs, isDegraded }) =>
      isDegraded && atMs >= fromMs && atMs < toMs ? [atMs] : [],
    );
    return times.length === 0 ? 0 : (times.at(-1)! - times[0]!) / 1_000;
  }
}
