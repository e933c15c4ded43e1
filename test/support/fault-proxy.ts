/** A TCP proxy that a test can cut, slow down, hang, and break at a chosen text, while the server behind it goes on undisturbed. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Where to break: when the client sends `text`, which then never reaches the server, or when the server has answered it, and the
 * answer never reaches the client.
 */
export type BreakPoint = {
  readonly text: string;
  readonly when: 'sent' | 'answered';
  /** Only on a connection that has sent this since its last transaction, so that the same text in other work does not count. */
  readonly after?: string;
  /** Runs at that moment, before the connection is cut. */
  readonly doing?: () => Promise<void> | void;
  /** Passes the text on afterwards and keeps the connection. */
  readonly spare?: boolean;
};

/** How a commit is sent and answered in Postgres' protocol. The zero byte tells it from READ COMMITTED. */
export const COMMIT = 'COMMIT\0';
const TRANSACTION_ENDS = [COMMIT, 'ROLLBACK\0'];

/** Only the transaction that counts usage sends this; scheduled jobs commit too. */
export const COUNTING = 'close_usage_batch';

export type FaultProxy = {
  readonly port: number;
  /** Ends all connections and refuses new ones. */
  cut(): Promise<void>;
  /** Ends all connections; new ones work. */
  reset(): void;
  /** Keeps connections, takes new ones, and passes nothing on. */
  hang(): void;
  /** Passes everything on with this delay, both ways, in order. */
  slowDown(delayMs: number): void;
  /** Breaks, once, the next connection that comes to this point. Resolves when that has happened. */
  breakAt(point: BreakPoint): Promise<void>;
  /** Removes the break points that no connection has come to. */
  removeBreaks(): void;
  /** Passes everything on again, first what was held back; after a cut, accepts connections again. */
  mend(): Promise<void>;
  /** New connections go to this server. */
  aim(target: URL): void;
  close(): Promise<void>;
};

type Trap = BreakPoint & { readonly sprung: () => void };

class Proxy implements FaultProxy {
  private readonly sockets = new Set<Socket>();
  private readonly server = createServer((client) => this.join(client));
  private traps: Trap[] = [];
  private hanging = false;
  private delayMs = 0;

  constructor(private target: URL) {}

  get port(): number {
    return this.listened;
  }
  private listened = 0;

  async listen(): Promise<void> {
    this.server.listen(this.listened, '127.0.0.1');
    await once(this.server, 'listening');
    this.listened = (this.server.address() as AddressInfo).port;
  }

  async cut(): Promise<void> {
    this.reset();
    if (!this.server.listening) return;
    this.server.close();
    await once(this.server, 'close');
  }

  reset(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  hang(): void {
    this.hanging = true;
    for (const socket of this.sockets) socket.pause();
  }

  slowDown(delayMs: number): void {
    this.delayMs = delayMs;
  }

  breakAt(point: BreakPoint): Promise<void> {
    return new Promise((sprung) => this.traps.push({ ...point, sprung }));
  }

  removeBreaks(): void {
    this.traps = [];
  }

  async mend(): Promise<void> {
    this.hanging = false;
    this.delayMs = 0;
    for (const socket of this.sockets) socket.resume();
    if (!this.server.listening) await this.listen();
  }

  aim(target: URL): void {
    this.target = target;
  }

  close(): Promise<void> {
    return this.cut();
  }

  private join(client: Socket): void {
    const upstream = connect(Number(this.target.port), this.target.hostname);
    for (const socket of [client, upstream]) {
      this.sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        this.sockets.delete(socket);
        (socket === client ? upstream : client).destroy();
      });
      if (this.hanging) socket.pause();
    }
    /** The trap on this connection whose text was sent and is not answered yet. */
    let awaited: Trap | null = null;
    /** The `after` texts that the client has sent since its last transaction. */
    const sentBefore = new Set<string>();
    this.pass(client, upstream, (bytes) => {
      for (const { after } of this.traps)
        if (after !== undefined && bytes.includes(after)) sentBefore.add(after);
      const comesTo = ({ text, after }: Trap) =>
        bytes.includes(text) && (after === undefined || sentBefore.has(after));
      const trap = this.traps.find(comesTo) ?? null;
      if (TRANSACTION_ENDS.some((end) => bytes.includes(end))) sentBefore.clear();
      if (trap === null) return null;
      this.traps.splice(this.traps.indexOf(trap), 1);
      if (trap.when === 'sent') return trap;
      awaited = trap;
      return null;
    });
    this.pass(upstream, client, (bytes) => {
      const trap = awaited !== null && bytes.includes(awaited.text) ? awaited : null;
      if (trap !== null) awaited = null;
      return trap;
    });
  }

  /** Passes bytes on in order. Where `trapOf` returns a trap, drops them and ends the connection. */
  private pass(from: Socket, to: Socket, trapOf: (bytes: Buffer) => Trap | null): void {
    let sent = Promise.resolve();
    let pending = 0;
    const passLater = async (bytes: Buffer, trap: Trap | null, due: number): Promise<void> => {
      await delay(Math.max(0, due - performance.now()));
      pending -= 1;
      await trap?.doing?.();
      if (trap === null || trap.spare) to.write(bytes);
      else from.destroy();
      trap?.sprung();
    };
    from.on('data', (bytes: Buffer) => {
      const trap = trapOf(bytes);
      if (trap === null && this.delayMs === 0 && pending === 0) {
        to.write(bytes);
      } else {
        const due = performance.now() + this.delayMs;
        pending += 1;
        sent = sent.then(() => passLater(bytes, trap, due));
      }
    });
  }
}

export async function aFaultProxy(target: URL): Promise<FaultProxy> {
  const proxy = new Proxy(target);
  await proxy.listen();
  return proxy;
}

/** The address of the same server through the proxy. */
export function through(proxy: FaultProxy, url: string): string {
  const changed = new URL(url);
  changed.hostname = '127.0.0.1';
  changed.port = String(proxy.port);
  return changed.href;
}
