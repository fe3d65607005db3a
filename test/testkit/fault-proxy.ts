import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** What a direction does with bytes: hands them on, keeps them until healed as a network does, or loses them. */
type Passing = 'pass' | 'hold' | 'swallow';

/**
 * A TCP proxy in user space that breaks what goes through it: put it between a client and a server and call a fault.
 * Faults last until `heal()`; connections made meanwhile have them too. A connection that lost bytes is reset by
 * `heal()`, as its ends could never agree again. Holds back whoever sends faster than the other end reads.
 */
export class FaultProxy {
  private readonly server: Server;
  private readonly target: { host: string; port: number };
  private readonly connections = new Set<Connection>();
  private toTarget: Passing = 'pass';
  private toClient: Passing = 'pass';
  private delayMs = 0;
  private isRefusing = false;

  private constructor(target: FaultProxy['target']) {
    this.target = target;
    this.server = createServer({ allowHalfOpen: true }, (client) => this.join(client));
  }

  /** In front of a TCP server; port 0 takes a free one. */
  static async start(options: {
    readonly targetPort: number;
    readonly targetHost?: string;
    readonly host?: string;
    readonly port?: number;
  }): Promise<FaultProxy> {
    const { targetHost = '127.0.0.1', targetPort, host = '127.0.0.1', port = 0 } = options;
    const proxy = new FaultProxy({ host: targetHost, port: targetPort });
    proxy.server.listen(port, host);
    await once(proxy.server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Connections that go through now. */
  get count(): number {
    return this.connections.size;
  }

  /** Every chunk comes this much later, each way. */
  delay(ms: number): void {
    this.delayMs = ms;
    for (const { toTarget, toClient } of this.connections) toTarget.delayMs = toClient.delayMs = ms;
  }

  /** Nothing arrives any more, either way, and comes late once healed: what TCP makes of a partition. */
  partition(): void {
    this.setPassing('hold', 'hold');
  }

  /** Everything is lost, either way; new connections open and stay silent. */
  drop(): void {
    this.setPassing('swallow', 'swallow');
  }

  /** Only one direction arrives: `lost` is the one that does not. */
  halfOpen(lost: 'to-target' | 'to-client'): void {
    this.setPassing(lost === 'to-target' ? 'swallow' : 'pass', lost === 'to-client' ? 'swallow' : 'pass');
  }

  /** Ends every connection by RST, as a server that died does. New ones go through. */
  reset(): void {
    for (const connection of this.connections) connection.abort();
  }

  /** Resets all connections, and every new one until healed. */
  refuse(): void {
    this.isRefusing = true;
    this.reset();
  }

  /** Ends all faults. */
  heal(): void {
    this.isRefusing = false;
    this.delay(0);
    for (const connection of this.connections) if (connection.isBroken) connection.abort();
    this.setPassing('pass', 'pass');
  }

  async stop(): Promise<void> {
    this.reset();
    this.server.close();
    await once(this.server, 'close');
  }

  private setPassing(toTarget: Passing, toClient: Passing): void {
    this.toTarget = toTarget;
    this.toClient = toClient;
    for (const connection of this.connections) connection.setPassing(toTarget, toClient);
  }

  private join(client: Socket): void {
    if (this.isRefusing) {
      client.on('error', () => undefined);
      client.resetAndDestroy();
      return;
    }
    const connection = new Connection(client, connect({ ...this.target, allowHalfOpen: true }), this.delayMs);
    connection.setPassing(this.toTarget, this.toClient);
    this.connections.add(connection);
    void connection.closed.then(() => this.connections.delete(connection));
  }
}

class Connection {
  readonly toTarget: Direction;
  readonly toClient: Direction;
  readonly closed: Promise<unknown>;
  private readonly ends: readonly [Socket, Socket];

  constructor(client: Socket, target: Socket, delayMs: number) {
    this.ends = [client, target];
    this.toTarget = new Direction(client, target, delayMs);
    this.toClient = new Direction(target, client, delayMs);
    for (const end of this.ends) {
      end.setNoDelay(true);
      end.on('error', () => this.abort());
    }
    this.closed = Promise.all(
      this.ends.map((end) => new Promise<void>((resolve) => end.once('close', resolve))),
    );
  }

  get isBroken(): boolean {
    return this.toTarget.hasLost || this.toClient.hasLost;
  }

  setPassing(toTarget: Passing, toClient: Passing): void {
    this.toTarget.setPassing(toTarget);
    this.toClient.setPassing(toClient);
  }

  abort(): void {
    for (const end of this.ends) if (!end.destroyed) end.resetAndDestroy();
  }
}

/** Carries what one end sends to the other, in order. */
class Direction {
  delayMs: number;
  /** Whether something, if only the end, did not arrive. */
  hasLost = false;
  private readonly from: Socket;
  private passing: Passing = 'pass';
  private readonly queue: { dueAt: number; run: () => void }[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(from: Socket, to: Socket, delayMs: number) {
    this.from = from;
    this.delayMs = delayMs;
    from.on('data', (bytes) =>
      this.carry(() => {
        if (to.write(bytes) || this.passing === 'hold') return;
        from.pause();
        to.once('drain', () => this.passing !== 'hold' && from.resume());
      }),
    );
    from.on('end', () => this.carry(() => to.end()));
    from.on('close', () => {
      clearTimeout(this.timer);
      this.carry(() => to.destroySoon());
    });
  }

  setPassing(passing: Passing): void {
    this.passing = passing;
    if (passing === 'hold') this.from.pause();
    else this.from.resume();
    this.flush();
  }

  private carry(run: () => void): void {
    if (this.passing === 'swallow') {
      this.hasLost = true;
      return;
    }
    this.queue.push({ dueAt: Date.now() + this.delayMs, run });
    this.flush();
  }

  private flush(): void {
    clearTimeout(this.timer);
    if (this.passing === 'hold') return;
    for (let next = this.queue[0]; next; next = this.queue[0]) {
      const waitMs = next.dueAt - Date.now();
      if (waitMs > 0) {
        this.timer = setTimeout(() => this.flush(), waitMs);
        return;
      }
      this.queue.shift();
      next.run();
    }
  }
}
