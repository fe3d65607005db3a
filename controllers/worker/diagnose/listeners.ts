/** A TCP socket that waits for connections. */
export interface Listener {
  readonly port: number;
  readonly isLoopback: boolean;
}

const listenState = '0A';

/** Listening sockets in the text of /proc/net/tcp and tcp6 (proc(5)), by port; the wider address of a port wins. */
export function parseListeners(text: string): Listener[] {
  const found = new Map<number, boolean>();
  for (const line of text.split('\n')) {
    const [, local, , state] = line.trim().split(/\s+/);
    const match = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/.exec(local ?? '');
    if (!match || state !== listenState) continue;
    const port = Number.parseInt(match[2] as string, 16);
    const isLoopback = isLoopbackAddress(match[1] as string);
    found.set(port, (found.get(port) ?? true) && isLoopback);
  }
  return [...found].map(([port, isLoopback]) => ({ port, isLoopback })).toSorted((a, b) => a.port - b.port);
}

/** The words are in the machine's order, little-endian: 0100007F is 127.0.0.1. */
function isLoopbackAddress(hex: string): boolean {
  return (
    /^.{6}7F$/.test(hex) || hex === '00000000000000000000000001000000' || /^0{16}FFFF0000.{6}7F$/.test(hex)
  );
}

/** Why nothing comes in at the port, in one sentence; null when the app listens as it should. */
export function explainListeners(listeners: readonly Listener[], port: number): string | null {
  const wanted = listeners.find((each) => each.port === port);
  if (wanted && !wanted.isLoopback) return null;
  if (wanted) {
    return `The app listens on 127.0.0.1:${port} only, where no request can reach it; let it listen on 0.0.0.0:${port}`;
  }
  const open = listeners.filter((each) => !each.isLoopback);
  const [other] = open.length > 0 ? open : listeners;
  if (!other) return `The app does not listen on port ${port}, nor on any other`;
  const where = other.isLoopback ? `127.0.0.1:${other.port} only` : `port ${other.port}`;
  return `The app listens on ${where}, but its port is ${port}; let it read the PORT environment variable and listen on 0.0.0.0, or change the app's port to ${other.port}`;
}
