/** All access to Postgres goes through here, by purpose: no purpose can use up the connections of another. */
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { connectionOf, schemaOf } from './database-address.js';
import { askReadOnly, askTime } from './ping.sql.js';
import { pooledSessions } from './pooled-sessions.js';
import { postgresFailure } from './postgres-errors.js';
import {
  PurposePool,
  type PoolCounts,
  type PoolSettings,
  type Restart,
  type TransactionOptions,
  type Tx,
} from './purpose-pool.js';
import { LaggingReports } from './lagging-reports.js';
import { ReportsDatabase } from './reports-database.js';
import { Standby, type StandbyParts } from './standby.js';
import { askWritten } from './standby.sql.js';
import { Unavailable } from './unavailable.js';

export { Restart, type TransactionOptions, type Tx } from './purpose-pool.js';
export type { Query, Snapshot } from './snapshot.sql.js';

/** For money and decisions. */
const CONNECTIONS_MAX = 10;
/** How long a caller waits for a connection, new or of the pool. */
const CONNECT_MS_MAX = 10_000;

/** How long a statement may take. A decision does not wait: its caller has gone on by then. */
const MONEY_STATEMENT_MS_MAX = 30_000;
const DECISION_STATEMENT_MS_MAX = 2_000;
const REPORT_STATEMENT_MS_MAX = 20_000;
const PROBE_MS_MAX = 2_000;

/** How often a Postgres whose connections broke is asked whether it is back. */
const RETURN_MS = 100;

export type DatabaseOptions = {
  readonly url: string;
  /** For money and decisions; reports have half as many beside them. */
  readonly connectionsMax?: number;
  readonly connectMsMax?: number;
  /** Off where a pooler keeps no prepared statements. */
  readonly prepares?: boolean;
  /** Where sessions are a pooler's: the role that each transaction takes on, null for the user's own. */
  readonly pooled?: { readonly role: string | null };
  /** Where reports that may lag are read. */
  readonly standby?: {
    readonly url: string;
    readonly pooled?: { readonly role: string | null };
    /** Called once at the beginning and once at the end of an outage. */
    readonly onChange: StandbyParts['onChange'];
  };
};

export class Database {
  /** Counting usage: the recorder. */
  readonly ingest: PurposePool;
  /** What a request waits for: quota states, keys, prices. */
  readonly decisions: PurposePool;
  /** What people and dashboards read. */
  readonly reports: ReportsDatabase;
  /** The same, from a hot standby where there is one. */
  readonly lagging: LaggingReports;
  readonly standby: Standby | null;
  /** Everything else: changes, and what runs on a schedule. */
  private readonly money: PurposePool;
  private readonly pools: readonly { close(): Promise<void> }[];
  private readonly counted: readonly { counts(): PoolCounts }[];
  /** One connection, with which nothing but health and time is asked. */
  private readonly probe: pg.Pool;
  private readonly connection: pg.ClientConfig;
  private readonly returned: (() => void)[] = [];
  private asking: Promise<number> | null = null;
  /** A connection broke, and no new one has been made since. */
  private isLost = false;

  constructor(options: DatabaseOptions) {
    const {
      url,
      pooled,
      connectionsMax = CONNECTIONS_MAX,
      connectMsMax = CONNECT_MS_MAX,
      prepares = true,
    } = options;
    const { config, local } = doorTo(url, pooled);
    this.connection = { connectionTimeoutMillis: connectMsMax, ...config };
    const schema = schemaOf(url);
    const pool = (of: Pick<PoolSettings, 'purpose' | 'connectionsMax' | 'statementMsMax' | 'isolation'>) =>
      new PurposePool(this.connection, {
        ...of,
        schema,
        local,
        connectMsMax,
        prepares,
        onConnect: this.onConnect,
      });
    const { ingest, decisions, money, reports } = sharesOf(connectionsMax);
    const isolation = 'read committed';
    const statementMsMax = MONEY_STATEMENT_MS_MAX;
    this.ingest = pool({ purpose: 'ingest', connectionsMax: ingest, statementMsMax, isolation });
    this.money = pool({ purpose: 'money', connectionsMax: money, statementMsMax, isolation });
    this.decisions = pool({
      purpose: 'decisions',
      connectionsMax: decisions,
      statementMsMax: DECISION_STATEMENT_MS_MAX,
      isolation,
    });
    const reading = pool({
      purpose: 'reports',
      connectionsMax: reports,
      statementMsMax: REPORT_STATEMENT_MS_MAX,
      isolation: 'repeatable read read only',
    });
    this.reports = new ReportsDatabase(reading, reports);
    this.probe = this.openProbe();
    this.standby = options.standby
      ? this.openStandby(options.standby, { connectionsMax: reports, connectMsMax, prepares })
      : null;
    this.lagging = new LaggingReports(this.reports, this.standby);
    const ofStandby = this.standby === null ? [] : [this.standby];
    this.pools = [...ofStandby, this.ingest, this.money, this.decisions, reading];
    this.counted = [this.ingest, this.money, this.decisions, this.reports, ...ofStandby];
  }

  /** Throws Unavailable where Postgres does not answer, or takes no writes. */
  async ping(): Promise<void> {
    const isReadOnly = await askReadOnly(this.probe).catch((error: unknown) => {
      throw postgresFailure(error);
    });
    if (isReadOnly) throw new Unavailable('postgres', new Error('it takes no writes'));
  }

  /** Postgres' clock, in milliseconds. All who ask at the same time share an answer. Throws Unavailable. */
  nowMs(): Promise<number> {
    this.asking ??= askTime(this.probe)
      .catch((error: unknown) => {
        throw postgresFailure(error);
      })
      .finally(() => (this.asking = null));
    return this.asking;
  }

  /** For single statements that need no transaction. */
  get reader(): Tx {
    return this.money.reader;
  }

  transaction<T>(work: (tx: Tx) => Promise<T | Restart>, options?: TransactionOptions): Promise<T> {
    return this.money.transaction(work, options);
  }

  /** How many connections each purpose has, and how many callers wait for one. */
  poolCounts(): PoolCounts[] {
    return this.counted.map((pool) => pool.counts());
  }

  /**
   * Calls the listener when a connection to Postgres succeeds after one broke, before the first query. The database may have been
   * replaced meanwhile (restored, or a standby without the last commits), so what was cached from it may be wrong.
   */
  onReturn(listener: () => void): void {
    this.returned.push(listener);
  }

  private openStandby(
    { url, pooled, onChange }: NonNullable<DatabaseOptions['standby']>,
    settings: Pick<PoolSettings, 'connectionsMax' | 'connectMsMax' | 'prepares'>,
  ): Standby {
    const { config, local } = doorTo(url, pooled);
    const pool = (of: Pick<PoolSettings, 'connectionsMax' | 'statementMsMax'>) =>
      new PurposePool(
        { connectionTimeoutMillis: settings.connectMsMax, ...config },
        {
          ...settings,
          ...of,
          purpose: 'standby',
          isolation: 'repeatable read read only',
          schema: schemaOf(url),
          local,
          onConnect: (client) => client.on('error', () => {}),
        },
      );
    const { connectionsMax } = settings;
    return new Standby({
      reading: pool({ connectionsMax, statementMsMax: REPORT_STATEMENT_MS_MAX }),
      connectionsMax,
      watching: pool({ connectionsMax: 1, statementMsMax: PROBE_MS_MAX }),
      askWritten: () => askWritten(this.probe),
      onChange,
    });
  }

  private openProbe(): pg.Pool {
    const probe = new pg.Pool({ ...this.connection, max: 1, min: 1, query_timeout: PROBE_MS_MAX });
    probe.on('error', () => {});
    probe.on('connect', this.onConnect);
    return probe;
  }

  private readonly onConnect = (client: pg.PoolClient): void => {
    client.on('error', () => this.lose());
    this.find();
  };

  private lose(): void {
    if (this.isLost) return;
    this.isLost = true;
    void this.untilReturned();
  }

  private find(): void {
    if (this.isLost) for (const listener of this.returned) listener();
    this.isLost = false;
  }

  /** Polls on its own connection: decisions may run without Postgres, and the pools' other connections may still lead to the old server. */
  private async untilReturned(): Promise<void> {
    while (this.isLost && !this.probe.ending) {
      const client = new pg.Client(this.connection);
      client.on('error', () => {});
      await client.connect().then(
        () => this.find(),
        () => {},
      );
      await client.end().catch(() => {});
      await delay(RETURN_MS, undefined, { ref: false });
    }
  }

  async close(): Promise<void> {
    const probed = this.probe.ended ? null : this.probe.end();
    await Promise.all([probed, ...this.pools.map((pool) => pool.close())]);
  }
}

function doorTo(url: string, pooled: DatabaseOptions['pooled']) {
  return pooled ? pooledSessions(url, pooled.role) : { config: connectionOf(url), local: null };
}

/** Ten are 4 for ingest, 3 for decisions, 3 for all other changes, and 5 more for reports. */
function sharesOf(connectionsMax: number) {
  const ingest = Math.max(1, Math.floor(connectionsMax * 0.4));
  const decisions = Math.max(1, Math.floor(connectionsMax * 0.3));
  const money = Math.max(1, connectionsMax - ingest - decisions);
  return { ingest, decisions, money, reports: Math.max(2, Math.ceil(connectionsMax / 2)) };
}
