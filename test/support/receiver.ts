/** A server that receives webhooks: it remembers what came, and answers what a test tells it to. */
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { Socket } from 'node:net';

export type Received = {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

export type Receiver = {
  readonly url: string;
  readonly received: Received[];
  /** The status of the answers from now on; null hangs up without one, `never` holds the connection without one. */
  answer(status: number | null | 'never', headers?: Readonly<Record<string, string>>): void;
  /** How many were held at the same time, at most. */
  heldMax(): number;
  /** Closes the held connections without an answer. */
  letGo(): void;
  close(): Promise<void>;
};

export async function aReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const held = new Set<Socket>();
  let heldMax = 0;
  let answer: { status: number | null | 'never'; headers: Readonly<Record<string, string>> } = {
    status: 204,
    headers: {},
  };
  const hold = (socket: Socket): void => {
    held.add(socket);
    heldMax = Math.max(heldMax, held.size);
    socket.once('close', () => held.delete(socket));
  };
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const headers = Object.fromEntries(
        Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
      );
      received.push({ path: request.url ?? '', headers, body: Buffer.concat(parts).toString() });
      if (answer.status === 'never') hold(request.socket);
      else if (answer.status === null) request.socket.destroy();
      else
        response.writeHead(answer.status, { ...answer.headers }).end('what a receiver says does not matter');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : address;
  return {
    url: `http://127.0.0.1:${port}/hook`,
    received,
    answer: (status, headers = {}) => void (answer = { status, headers }),
    heldMax: () => heldMax,
    letGo: () => held.forEach((socket) => socket.destroy()),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
