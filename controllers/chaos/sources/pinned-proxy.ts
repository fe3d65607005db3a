import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

export interface PinnedPlace {
  readonly host: string;
  readonly port: number;
  /** The address that was checked: connections go there, whatever the name means by now. */
  readonly address: string;
}

/**
 * An HTTP proxy on loopback that leads to one place only, for programs that cannot be told an address beside a
 * name: with it they resolve nothing, and follow no redirection elsewhere.
 */
export class PinnedProxy {
  /** Another place that was asked for last: where a redirection led. */
  refused: string | undefined;
  private readonly place: PinnedPlace;
  private readonly sockets = new Set<Duplex>();
  private readonly server = createServer((incoming, response) => this.pass(incoming, response));

  constructor(place: PinnedPlace) {
    this.place = place;
    this.server.on('connect', (incoming: IncomingMessage, socket: Duplex, head: Buffer) =>
      this.tunnel(incoming, socket, head),
    );
    this.server.on('connection', (socket: Socket) => this.keep(socket));
  }

  /** Answers its port. */
  async start(): Promise<number> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return (this.server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  /** `GET http://host/path` (RFC 9112, 3.2.2). */
  private pass(incoming: IncomingMessage, response: ServerResponse): void {
    const { url = '', method, headers } = incoming;
    const target = URL.canParse(url) ? new URL(url) : undefined;
    if (target?.protocol !== 'http:' || !this.isOurs(target.hostname, Number(target.port || 80))) {
      this.refused = url;
      response.writeHead(403).end();
      return;
    }
    const { address, port } = this.place;
    const outgoing = request({
      host: address,
      port,
      method,
      path: target.pathname + target.search,
      headers: { ...headers, host: target.host },
    });
    outgoing.once('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    outgoing.once('error', () => (response.headersSent ? response.destroy() : response.writeHead(502).end()));
    response.once('close', () => outgoing.destroy());
    incoming.pipe(outgoing);
  }

  /** `CONNECT host:port` (RFC 9110, 9.3.6). */
  private tunnel({ url = '' }: IncomingMessage, socket: Duplex, head: Buffer): void {
    const [, host = '', port] = /^(.*):(\d+)$/.exec(url) ?? [];
    if (!this.isOurs(host, Number(port))) {
      this.refused = `https://${url}`;
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
      return;
    }
    const outgoing = connect(this.place.port, this.place.address, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      outgoing.write(head);
      outgoing.pipe(socket).pipe(outgoing);
    });
    this.keep(outgoing);
    outgoing.once('error', () => socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'));
    outgoing.once('close', () => socket.destroy());
    socket.once('close', () => outgoing.destroy());
  }

  private keep(socket: Duplex): void {
    this.sockets.add(socket);
    socket.on('error', () => socket.destroy()).once('close', () => this.sockets.delete(socket));
  }

  private isOurs(host: string, port: number): boolean {
    const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
    return bare === this.place.host.toLowerCase() && port === this.place.port;
  }
}
