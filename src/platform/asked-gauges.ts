/** Gauges whose values a server has: it is asked when Prometheus asks. While it does not answer they have no value, and all others do. */
import { Gauge } from 'prom-client';
import { Deadlines } from './deadline.js';
import { SHARED, type Metrics } from './metrics.js';

/** Prometheus waits for 10 seconds. */
const ASK_MS_MAX = 2_000;

export type Sample = { readonly labels?: Readonly<Record<string, string>>; readonly value: number };

export type AskedGauge<T> = {
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
  readonly samples: (answer: T) => readonly Sample[];
};

/** One value, the same for all processes; null is none. */
export function sharedGauge<T>(name: string, help: string, of: (answer: T) => number | null): AskedGauge<T> {
  const samples = (answer: T): Sample[] => {
    const value = of(answer);
    return value === null ? [] : [{ value }];
  };
  return { name, help: `${help} ${SHARED}`, samples };
}

export type AskedOptions<T> = {
  /** What is asked, for `tally_metrics_unanswered_total`. */
  readonly of: string;
  readonly ask: () => Promise<T>;
  readonly gauges: readonly AskedGauge<T>[];
  /** How long an answer serves later scrapes, where asking is expensive. */
  readonly keptMs?: number;
};

export function observeAsked<T>(metrics: Metrics, { of, ask, gauges, keptMs = 0 }: AskedOptions<T>): void {
  const question = new Question(ask, keptMs, () => metrics.unanswered.inc({ of }));
  metrics.unanswered.inc({ of }, 0);
  for (const { name, help, labelNames = [], samples } of gauges) {
    const gauge: Gauge = new Gauge({
      name,
      help,
      labelNames: [...labelNames],
      registers: [metrics.registry],
      async collect() {
        const answer = await question.answer();
        gauge.reset();
        // A gauge without labels is reset to 0, which would be a value.
        if (labelNames.length === 0) gauge.remove();
        if (answer === null) return;
        for (const { labels = {}, value } of samples(answer.value)) gauge.set(labels, value);
      },
    });
  }
}

type Answer<T> = { readonly value: T };

/** Asked once by all gauges of a scrape. One that hangs is not asked again until it ends. */
class Question<T> {
  private readonly deadlines = new Deadlines();
  private asking: Promise<Answer<T>> | null = null;
  private waiting: Promise<Answer<T> | null> | null = null;
  private kept: { readonly answer: Answer<T>; readonly untilMs: number } | null = null;

  constructor(
    private readonly ask: () => Promise<T>,
    private readonly keptMs: number,
    private readonly onFailure: () => void,
  ) {}

  /** Null where there is no answer in time. */
  answer(): Promise<Answer<T> | null> {
    const { kept } = this;
    if (kept !== null && performance.now() < kept.untilMs) return Promise.resolve(kept.answer);
    this.waiting ??= this.wait().finally(() => (this.waiting = null));
    return this.waiting;
  }

  private async wait(): Promise<Answer<T> | null> {
    this.asking ??= this.askNow().finally(() => (this.asking = null));
    try {
      return await this.deadlines.within(ASK_MS_MAX, this.asking);
    } catch {
      this.onFailure();
      return null;
    }
  }

  private async askNow(): Promise<Answer<T>> {
    const answer = { value: await this.ask() };
    this.kept = { answer, untilMs: performance.now() + this.keptMs };
    return answer;
  }
}
