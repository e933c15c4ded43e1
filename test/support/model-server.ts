/** A model server on loopback: it records what it is asked and answers as a test tells it to, byte for byte. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';

export type Asked = {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Who asked hung up before the answer was whole. */
  isCancelled: boolean;
};

export type Answer = (response: ServerResponse, asked: Asked) => unknown;

export type ModelServer = {
  readonly url: string;
  readonly asked: Asked[];
  /** How it answers from now on. */
  answer: Answer;
  close(): Promise<void>;
};

export async function aModelServer(answer: Answer): Promise<ModelServer> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    // A caller that hangs up in the middle of its request is none.
    void buffer(request).then(
      (body) => {
        const { method = '', url = '', headers } = request;
        const one = { method, url, headers, body, isCancelled: false };
        asked.push(one);
        response.once('close', () => (one.isCancelled = !response.writableFinished));
        return model.answer(response, one);
      },
      () => {},
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : null;
  const model: ModelServer = {
    url: `http://127.0.0.1:${port}`,
    asked,
    answer,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return model;
}

export const json =
  (body: unknown, status = 200, headers: Record<string, string> = {}): Answer =>
  (response) =>
    response
      .writeHead(status, { 'content-type': 'application/json', ...headers })
      .end(typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body));

/** Sends the pieces one after the other, each in a write of its own. */
export const stream =
  (pieces: readonly (string | Buffer)[], headers: Record<string, string> = {}): Answer =>
  async (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', ...headers });
    for (const piece of pieces) {
      if (!response.write(piece)) await once(response, 'drain');
      await new Promise((resolve) => setImmediate(resolve));
    }
    response.end();
  };

/** Sends the pieces, and then breaks the connection. */
export const cutStream =
  (pieces: readonly string[]): Answer =>
  (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    for (const piece of pieces.slice(0, -1)) response.write(piece);
    response.write(pieces.at(-1), () => setImmediate(() => response.socket?.resetAndDestroy()));
  };

/** Sends the pieces, and then nothing more. */
export const stalledStream =
  (pieces: readonly string[]): Answer =>
  (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    for (const piece of pieces) response.write(piece);
  };
