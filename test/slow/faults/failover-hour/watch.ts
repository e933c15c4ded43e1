/** Looks every half second at what each process says of the servers, on /readyz and on /metrics, and compares it with what was so. */
import { setTimeout as delay } from 'node:timers/promises';
import { ADMIN_KEY } from '../../../support/app.js';
import { figureIn } from '../../../support/metrics-text.js';
import { until } from '../../../support/until.js';
import type { Machine, Machines } from './machines.js';

const LOOK_MS = 500;

/**
 * How soon every process must know that a server is gone, and that it is back. It asks for two seconds at most, and connects again after a
 * second at most, by a Sentinel that may not answer; the rest is for a machine that has other work.
 */
export const KNOWN_MS_MAX = 10_000;
/** A machine that takes so long for a simple question has no time for others either. */
const SLOW_MS = 500;
/** Looks at the same time share an answer, so one may have been asked for so long before. */
const SHARED_MS_MAX = 3_000;
/** More than the two seconds that either may take. */
const ANSWER_MS_MAX = 20_000;

export type Server = 'postgres' | 'redis';
const SERVERS: readonly Server[] = ['postgres', 'redis'];
type State = 'ok' | 'away';

/** When a server took no writes: from when every process knew it until its repair began, after which it took some before the test saw it. */
type Outage = {
  readonly server: Server;
  readonly fromMs: number;
  readonly knownMs: number;
  readonly repairMs: number;
  readonly toMs: number;
};

export type Breakdown = {
  /** Makes the server unavailable. */
  readonly begin: () => Promise<void>;
  /** Once every process knows that it is. */
  readonly meanwhile: () => Promise<void>;
  /** Brings it back; resolves when it takes writes. */
  readonly repair: () => Promise<void>;
};

type Look = {
  readonly machine: string;
  readonly role: Machine['role'];
  readonly fromMs: number;
  readonly toMs: number;
  /** How long the process took to say that it lives, at the same time. */
  readonly aliveMs: number;
  readonly status: number;
  readonly readiness: string;
  readonly checks: Readonly<Record<Server, State>>;
  readonly gauges: Readonly<Record<Server, State>>;
};

export class Watch {
  readonly looks: Look[] = [];
  /** Looks of which one of the two had no answer. */
  readonly unanswered: string[] = [];
  private readonly outages: Outage[] = [];
  private readonly ending = new AbortController();
  private readonly running: Promise<void>[];

  /** When a server was asked by the test itself, and was slow to answer. */
  private readonly slow: { readonly server: Server; readonly fromMs: number; readonly toMs: number }[] = [];

  /** `ask` writes to the server that takes writes now. */
  constructor(
    private readonly machines: Machines,
    ask: Readonly<Record<Server, () => Promise<unknown>>>,
  ) {
    this.running = machines.all.map((machine) => this.watch(machine));
    for (const server of SERVERS) this.running.push(this.ask(server, ask[server]));
  }

  async during(server: Server, { begin, meanwhile, repair }: Breakdown): Promise<void> {
    const fromMs = performance.now();
    await begin();
    const know = async () =>
      (await Promise.all(this.machines.all.map(({ url }) => stateAt(url, server)))).every(
        (state) => state === 'away',
      );
    await until(`every process knows that ${server} is unavailable`, know, KNOWN_MS_MAX / 1_000);
    const knownMs = performance.now();
    await meanwhile();
    const repairMs = performance.now();
    await repair();
    this.outages.push({ server, fromMs, knownMs, repairMs, toMs: performance.now() });
  }

  async stop(): Promise<void> {
    this.ending.abort();
    await Promise.all(this.running);
  }

  /** Each look that did not say what was so. */
  lies(): string[] {
    return this.looks.flatMap((look) =>
      SERVERS.flatMap((server) => {
        const was = this.stateOf(server, look);
        if (was === null) return [];
        return (['checks', 'gauges'] as const).flatMap((by) =>
          look[by][server] === was ? [] : [`${describe(look)}: ${by} say ${server} is ${look[by][server]}`],
        );
      }),
    );
  }

  /** Looks whose status is not the one that the states of the servers ask for. */
  wrongStatuses(): string[] {
    return this.looks.flatMap((look) => {
      const expected = expectedOf(look);
      const said = `${look.status} ${look.readiness}`;
      return said === expected ? [] : [`${describe(look)}: ${said} and not ${expected}`];
    });
  }

  /** How many looks there were in this time, and how many of them told of an outage. */
  counts(fromMs: number, toMs: number): { looks: number; away: number } {
    const looks = this.looks.filter((look) => look.fromMs >= fromMs && look.toMs < toMs);
    const away = looks.filter(({ checks }) => Object.values(checks).includes('away'));
    return { looks: looks.length, away: away.length };
  }

  /** Whether the server was slow to answer the test itself at that time. */
  wasSlow(server: Server, fromMs: number, toMs: number): boolean {
    return this.slow.some((slow) => slow.server === server && slow.toMs > fromMs && slow.fromMs < toMs);
  }

  /** What was so during all of the look; null where it changed, or had just changed, or where nobody could have answered in time. */
  private stateOf(server: Server, { fromMs, toMs, aliveMs }: Look): State | null {
    for (const outage of this.outages) {
      if (outage.server !== server) continue;
      if (fromMs > outage.knownMs && toMs < outage.repairMs) return 'away';
      if (toMs > outage.fromMs && fromMs < outage.toMs + KNOWN_MS_MAX) return null;
    }
    return this.wasSlow(server, fromMs - SHARED_MS_MAX, toMs) || aliveMs > SLOW_MS ? null : 'ok';
  }

  private async ask(server: Server, question: () => Promise<unknown>): Promise<void> {
    while (!this.ending.signal.aborted) {
      const fromMs = performance.now();
      await question().catch(() => {});
      const toMs = performance.now();
      if (toMs - fromMs > SLOW_MS) this.slow.push({ server, fromMs, toMs });
      await delay(LOOK_MS / 2);
    }
  }

  private async watch(machine: Machine): Promise<void> {
    while (!this.ending.signal.aborted) {
      const nextMs = performance.now() + LOOK_MS;
      const { service } = machine;
      if (machine.isServing) {
        // A kept connection may be one to the process before.
        const look = (await lookAt(machine)) ?? (await lookAt(machine));
        // One that was ended meanwhile has nothing to say.
        if (machine.isServing && machine.service === service) {
          if (look === null) this.unanswered.push(`${machine.name} at ${Math.round(performance.now())} ms`);
          else this.looks.push(look);
        }
      }
      await delay(Math.max(0, nextMs - performance.now()));
    }
  }
}

async function stateAt(url: string, server: Server): Promise<State | null> {
  const answer = await fetch(`${url}/readyz`).catch(() => null);
  return answer && ((await answer.json()) as { checks: Record<Server, State> }).checks[server];
}

async function lookAt({ name, role, url }: Machine): Promise<Look | null> {
  const signal = AbortSignal.timeout(ANSWER_MS_MAX);
  const headers = { authorization: `Bearer ${ADMIN_KEY}` };
  const fromMs = performance.now();
  try {
    const alive = async () => {
      await (await fetch(`${url}/livez`, { signal })).text();
      return performance.now() - fromMs;
    };
    const [aliveMs, ready, metrics] = await Promise.all([
      alive(),
      fetch(`${url}/readyz`, { signal }),
      fetch(`${url}/metrics`, { signal, headers }),
    ]);
    const body = (await ready.json()) as { status: string; checks: Record<Server, State> };
    const text = await metrics.text();
    const gauge = (server: Server) => (figureIn(text, `tally_${server}_up`) === 1 ? 'ok' : 'away');
    return {
      machine: name,
      role,
      fromMs,
      toMs: performance.now(),
      aliveMs,
      status: ready.status,
      readiness: body.status,
      checks: body.checks,
      gauges: { postgres: gauge('postgres'), redis: gauge('redis') },
    };
  } catch {
    return null;
  }
}

function expectedOf({ role, checks: { postgres, redis } }: Look): string {
  if (postgres === 'ok' && redis === 'ok') return '200 ok';
  const canWork = role === 'worker' ? postgres === 'ok' : postgres === 'ok' || redis === 'ok';
  return canWork ? '200 degraded' : '503 unavailable';
}

function describe({ machine, fromMs, toMs }: Look): string {
  return `${machine} from ${Math.round(fromMs)} to ${Math.round(toMs)} ms`;
}
