/**
 * Closes connections when the server drains: idle ones at once, the others after their answer. Node itself keeps a connection that was
 * opened for a request that never came, and waits a minute for it.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Call it before the server listens; the returned function starts to close the connections. */
export function watchConnections(server: Server): () => void {
  /** The response in flight on each connection, or null. Changed in place: sets that change with each request cost memory. */
  const answers = new Map<Socket, ServerResponse | null>();
  let isDraining = false;
  server.on('connection', (socket: Socket) => {
    answers.set(socket, null);
    socket.once('close', () => answers.delete(socket));
  });
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    // Node says so in the answer, and closes the connection after it.
    if (isDraining) response.shouldKeepAlive = false;
    answers.set(socket, response);
    response.on('close', () => {
      if (answers.get(socket) === response) answers.set(socket, null);
    });
  });
  return () => {
    isDraining = true;
    for (const [socket, response] of answers) {
      if (response === null) socket.destroy();
      else response.shouldKeepAlive = false;
    }
  };
}
