/** The model servers behind a gateway: which one has a model, and with which key. */
import { Pool as HttpPool } from 'undici';

export interface UpstreamPlace {
  /** `https://host:port`, with the path before `/v1`. */
  readonly url: string;
  readonly key: string | null;
}

/** One server for every model, or one for each model. */
export type UpstreamPlan =
  | { readonly kind: 'one'; readonly place: UpstreamPlace }
  | { readonly kind: 'by model'; readonly places: ReadonlyMap<string, UpstreamPlace> };

export interface Upstream {
  readonly pool: HttpPool;
  /** Before `/v1`, without a slash at its end. */
  readonly path: string;
  readonly key: string | null;
}

const CONNECT_MS_MAX = 10_000;
/** To one server; more requests wait. */
const CONNECTIONS_MAX = 2_048;

export class Upstreams {
  /** By model; null names the server of all models. */
  private readonly upstreams: ReadonlyMap<string | null, Upstream>;
  private readonly pools = new Map<string, HttpPool>();

  /** `silentMsMax`: how long a server may send nothing. */
  constructor(plan: UpstreamPlan, { silentMsMax }: { silentMsMax: number }) {
    const places: [string | null, UpstreamPlace][] =
      plan.kind === 'one' ? [[null, plan.place]] : [...plan.places];
    this.upstreams = new Map(
      places.map(([model, { url, key }]) => {
        const { origin, pathname } = new URL(url);
        const pool = this.pools.get(origin) ?? openPool(origin, silentMsMax);
        this.pools.set(origin, pool);
        return [model, { pool, path: pathname.replace(/\/(v1\/?)?$/, ''), key }];
      }),
    );
  }

  /** The names that the operator listed; null where one server has all models. */
  get models(): readonly string[] | null {
    return this.only === null ? [...this.upstreams.keys()].filter((model) => model !== null) : null;
  }

  /** The server of all models; null where they are listed. */
  get only(): Upstream | null {
    return this.upstreams.get(null) ?? null;
  }

  /** Null for a model that is not listed. */
  of(model: string): Upstream | null {
    return this.only ?? this.upstreams.get(model) ?? null;
  }

  async close(): Promise<void> {
    await Promise.all([...this.pools.values()].map((pool) => pool.destroy()));
  }
}

function openPool(origin: string, silentMsMax: number): HttpPool {
  return new HttpPool(origin, {
    connections: CONNECTIONS_MAX,
    connect: { timeout: CONNECT_MS_MAX },
    headersTimeout: silentMsMax,
    bodyTimeout: silentMsMax,
  });
}
