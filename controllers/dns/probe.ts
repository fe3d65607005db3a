import { connect, isIP } from 'node:net';
import type { DnsSettings } from './config.ts';

/** How often in a row a gateway must not answer to be left out. */
const failuresToDie = 2;

/** Knows which gateways take connections; one that was never asked counts as living. */
export class GatewayProbe {
  private readonly settings: NonNullable<DnsSettings['probe']>;
  private readonly addresses: () => readonly string[];
  private readonly onChange: () => void;
  private readonly failures = new Map<string, number>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    settings: NonNullable<DnsSettings['probe']>,
    addresses: () => readonly string[],
    onChange: () => void,
  ) {
    this.settings = settings;
    this.addresses = addresses;
    this.onChange = onChange;
  }

  isAlive(address: string): boolean {
    return (this.failures.get(address) ?? 0) < failuresToDie;
  }

  start(): void {
    this.timer = setInterval(() => void this.look(), this.settings.everyMs);
    void this.look();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async look(): Promise<void> {
    const addresses = this.addresses().filter((address) => isIP(address));
    const before = addresses.filter((address) => this.isAlive(address)).join(' ');
    await Promise.all(
      addresses.map(async (address) => {
        const takes = await takesConnections(address, this.settings);
        this.failures.set(address, takes ? 0 : (this.failures.get(address) ?? 0) + 1);
      }),
    );
    for (const known of this.failures.keys()) if (!addresses.includes(known)) this.failures.delete(known);
    if (addresses.filter((address) => this.isAlive(address)).join(' ') !== before) this.onChange();
  }
}

function takesConnections(
  host: string,
  { port, timeoutMs }: { port: number; timeoutMs: number },
): Promise<boolean> {
  const socket = connect({ host, port });
  return new Promise<boolean>((resolve) => {
    socket.setTimeout(timeoutMs, () => resolve(false));
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  }).finally(() => socket.destroy());
}
