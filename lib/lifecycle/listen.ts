import type { Server as HttpServer } from 'node:http';
import type { Server } from 'node:net';
import { AppError } from '@skyarc/lib/errors';

export interface ListenAddress {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

/** Answers the port that the server listens on from now on. Throws UNAVAILABLE with the reason. */
export async function listen(server: Server, { host, port }: ListenAddress): Promise<number> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, host, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new AppError('UNAVAILABLE', `Cannot listen on ${host}:${port}: ${reason}`, { cause });
  }
  const address = server.address();
  return typeof address === 'object' && address ? address.port : port;
}

/** Takes no more requests, lets those under way end for `graceMs`, then cuts what is left. */
export async function closeHttp(
  server: Pick<HttpServer, 'close' | 'closeIdleConnections' | 'closeAllConnections'>,
  graceMs = 0,
): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  if (graceMs === 0) server.closeAllConnections();
  else server.closeIdleConnections();
  const force = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(force);
}
