import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import type { ForwardOptions } from './state.ts';

export interface NameServer {
  readonly address: string;
  readonly port: number;
}

const rereadMs = 10_000;
/** How long a server that did not answer is asked after the others. */
const penaltyMs = 10_000;

/** The servers to ask about a name: those of its own zone, else the host's. */
export class NameServers {
  private readonly options: ForwardOptions;
  private readonly failedUntil = new Map<string, number>();
  private host: { readAt: number; servers: NameServer[] } = { readAt: -Infinity, servers: [] };

  constructor(options: ForwardOptions) {
    this.options = options;
  }

  /** Those that answer first, otherwise in the order in which they are named. */
  async inOrder(key: string): Promise<NameServer[]> {
    const [stub] = this.options.stubs
      .filter(({ origin }) => key === origin || key.endsWith(`.${origin}`))
      .toSorted((left, right) => right.origin.length - left.origin.length);
    const servers = stub ? stub.servers.map(parseServer) : await this.readHost();
    const isFailing = (server: NameServer) => (this.failedUntil.get(keyOf(server)) ?? 0) > Date.now();
    return servers.toSorted((left, right) => Number(isFailing(left)) - Number(isFailing(right)));
  }

  report(server: NameServer, hasAnswered: boolean): void {
    if (hasAnswered) this.failedUntil.delete(keyOf(server));
    else this.failedUntil.set(keyOf(server), Date.now() + penaltyMs);
  }

  private async readHost(): Promise<NameServer[]> {
    const { resolvConf, ownAddress } = this.options;
    if (Date.now() - this.host.readAt > rereadMs) {
      const text = await readFile(resolvConf, 'utf8').catch(() => '');
      const servers = [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map(([, each = '']) =>
        parseServer(each),
      );
      this.host = {
        readAt: Date.now(),
        servers: servers.filter(({ address }) => isIP(address) && address !== ownAddress),
      };
    }
    return this.host.servers;
  }
}

/** `1.2.3.4`, `1.2.3.4:53`, `::1`, `[::1]:53`. */
function parseServer(text: string): NameServer {
  if (isIP(text)) return { address: text, port: 53 };
  const [, v6, v4, port] = /^(?:\[(.+)\]|([^:]+)):(\d+)$/.exec(text) ?? [];
  return { address: v6 ?? v4 ?? text, port: Number(port ?? 53) };
}

function keyOf({ address, port }: NameServer): string {
  return `${address} ${port}`;
}
