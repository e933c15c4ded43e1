/**
 * Load at an even rate: request after request falls due, whatever became of the ones before, and its latency counts from then.
 * So it also counts what a request waited for a connection, or for this process. Closed loops, and tools that send a second's
 * requests at its start, measure the latency of a server that is full instead.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { LoadResult } from './full-load.js';
import type { LoadOrder } from './quota-load.js';

const CONNECTIONS = 32;
/** Requests that are due are sent in turns of a millisecond; their latency counts from when they were due. */
const TURN_MS = 1;

type Request = { readonly text: string; readonly dueMs: number; readonly reserves: boolean };

export async function steadyLoad(order: LoadOrder & { readonly rate: number }): Promise<LoadResult> {
  const load = new SteadyLoad(order);
  await load.run();
  return load.result();
}

class SteadyLoad {
  private readonly latenciesMs: number[] = [];
  private readonly idle: Socket[] = [];
  private readonly waiting: Request[] = [];
  private readonly reserved: string[] = [];
  private failed = 0;

  constructor(private readonly order: LoadOrder & { readonly rate: number }) {}

  async run(): Promise<void> {
    const { seconds, rate, url } = this.order;
    const { hostname, port } = new URL(url);
    const sockets = Array.from({ length: CONNECTIONS }, () =>
      connect({ host: hostname, port: Number(port) }),
    );
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    this.idle.push(...sockets.map((socket) => socket.setNoDelay()));
    const count = seconds * rate;
    const startedMs = performance.now();
    let fallen = 0;
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        const due = Math.min(count, ((performance.now() - startedMs) / 1_000) * rate);
        for (; fallen < due; fallen += 1) this.fallDue(startedMs + (fallen / rate) * 1_000);
        if (fallen < count || this.idle.length < CONNECTIONS) return;
        clearInterval(timer);
        resolve();
      }, TURN_MS);
    });
    sockets.forEach((socket) => socket.destroy());
  }

  result(): LoadResult {
    const sorted = this.latenciesMs.toSorted((a, b) => a - b);
    const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? NaN;
    const { length: count } = sorted;
    return { count, perSecond: this.order.rate, p50Ms: at(0.5), p99Ms: at(0.99), failed: this.failed };
  }

  /** A release where a reservation was answered that has none yet, else the next reservation. */
  private fallDue(dueMs: number): void {
    const { prefix, body } = this.order;
    const path = `${prefix}/v1/quota/reservations`;
    const id = this.reserved.shift();
    this.waiting.push(
      id === undefined
        ? { text: this.textOf(path, body), dueMs, reserves: true }
        : { text: this.textOf(`${path}/${id}/release`, '{}'), dueMs, reserves: false },
    );
    this.sendNext();
  }

  private textOf(path: string, body: string): string {
    const headers = { host: 'bench', ...this.order.headers, 'content-length': String(body.length) };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
    return `POST ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`;
  }

  private sendNext(): void {
    if (this.idle.length === 0 || this.waiting.length === 0) return;
    const request = this.waiting.shift()!;
    const socket = this.idle.pop()!;
    let answer = '';
    const onData = (bytes: Buffer) => {
      answer += bytes.toString('latin1');
      if (!isWhole(answer)) return;
      socket.off('data', onData);
      this.take(request, answer);
      this.idle.push(socket);
      this.sendNext();
    };
    socket.on('data', onData);
    socket.write(request.text);
  }

  private take({ dueMs, reserves }: Request, answer: string): void {
    this.latenciesMs.push(performance.now() - dueMs);
    if (!answer.startsWith('HTTP/1.1 20')) this.failed += 1;
    const id = reserves ? /"id":"([^"]+)"/.exec(answer)?.[1] : undefined;
    if (id !== undefined) this.reserved.push(id);
  }
}

function isWhole(answer: string): boolean {
  const headerEnd = answer.indexOf('\r\n\r\n');
  if (headerEnd === -1) return false;
  const length = /\r\ncontent-length: (\d+)\r\n/i.exec(answer)?.[1];
  return answer.length - headerEnd - 4 >= Number(length ?? 0);
}
