/** The rival of live logs: a bare `ws` server that sends each message of a publisher to all subscribers. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

export async function start({ port }: { readonly port: number }) {
  const server = new WebSocketServer({ port, host: '127.0.0.1' });
  const subscribers = new Set<WebSocket>();
  server.on('connection', (socket, request) => {
    if (request.url === '/publish') {
      socket.on('message', (data) => {
        for (const subscriber of subscribers) subscriber.send(data, { binary: false });
      });
      return;
    }
    subscribers.add(socket);
    socket.on('close', () => subscribers.delete(socket));
  });
  await once(server, 'listening');
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      server.close();
    },
  };
}
