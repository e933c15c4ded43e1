/**
 * Connections on which no request runs, to end them when the server drains. Node's own way leaves those that were opened ahead
 * of a request that never came, and waits a minute for them.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** Watches a server from before it listens; what it returns ends the connections that are quiet by then. */
export function watchQuietConnections(server: Server): () => void {
  const quiet = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    quiet.add(socket);
    socket.once('close', () => quiet.delete(socket));
  });
  server.on('request', ({ socket }, response) => {
    quiet.delete(socket);
    response.once('close', () => {
      if (!socket.destroyed) quiet.add(socket);
    });
  });
  return () => quiet.forEach((socket) => socket.destroy());
}
