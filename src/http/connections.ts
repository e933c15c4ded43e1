/**
 * Knows what is being answered on each connection. It closes them when the server drains: idle ones at once, the others after their
 * answer. Node itself keeps a connection that was opened for a request that never came, and waits a minute for it.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export type Connections = {
  /** Starts to close them. */
  drain(): void;
  /** True where a part of an answer is on its way, so that nothing else may be written. */
  isAnswering(socket: Socket): boolean;
};

/** Call it before the server listens. */
export function watchConnections(server: Server): Connections {
  /** The response in flight on each connection, or null. Changed in place: sets that change with each request cost memory. */
  const answers = new Map<Socket, ServerResponse | null>();
  let isDraining = false;
  server.on('connection', (socket: Socket) => {
    if (isDraining) {
      // Nobody will listen to what it asks.
      socket.destroy();
      return;
    }
    answers.set(socket, null);
    socket.once('close', () => answers.delete(socket));
  });
  const watch = ({ socket }: IncomingMessage, response: ServerResponse): void => {
    // Node says so in the answer, and closes the connection after it.
    if (isDraining) response.shouldKeepAlive = false;
    answers.set(socket, response);
    response.on('close', () => {
      if (answers.get(socket) !== response) return;
      answers.set(socket, null);
      // Its head was on its way before the server drained, and said that the connection stays open.
      if (isDraining) socket.destroySoon();
    });
  };
  for (const event of ['request', 'checkExpectation']) server.on(event, watch);
  return {
    drain() {
      isDraining = true;
      for (const [socket, response] of answers) {
        if (response === null) socket.destroy();
        else response.shouldKeepAlive = false;
      }
    },
    isAnswering: (socket) => answers.get(socket)?.headersSent === true,
  };
}
