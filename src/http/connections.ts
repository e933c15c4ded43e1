/**
 * Ends connections when the server drains: at once those on which no request runs, and the others with their answer. Node's own way
 * leaves those that were opened ahead of a request that never came, and waits a minute for them.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Watches a server from before it listens; what it returns begins to end the connections. */
export function watchConnections(server: Server): () => void {
  /** What each connection answers; null where it is quiet. Written in place: sets that change with each request burden the memory. */
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
