import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import type { Probe } from '@skyarc/lib/contracts';
import { messageOf } from '@skyarc/lib/errors';

export interface Target {
  readonly host: string;
  /** Resolved and allowed. */
  readonly address: string;
  readonly port: number;
}

const tlsPorts = new Set([443, 8443]);

/** Asks an endpoint whether it lives; null when it does, else why not, in one sentence. */
export async function checkEndpoint(target: Target, probe: Probe): Promise<string | null> {
  const port = probe.port ?? target.port;
  const timeoutMs = probe.timeoutSeconds * 1_000;
  try {
    switch (probe.kind) {
      case 'TCP':
        await openConnection({ ...target, port }, timeoutMs);
        return null;
      case 'HTTP':
        return await askHttp({ ...target, port }, probe, timeoutMs);
      default:
        return `${probe.kind} checks need a container; use HTTP or TCP`;
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return `${target.host} on port ${port} ${reasons[code ?? ''] ?? `cannot be reached: ${messageOf(error)}`}`;
  }
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refuses connections',
  ETIMEDOUT: 'does not answer in time',
  EHOSTUNREACH: 'cannot be reached: there is no way to it',
  ENETUNREACH: 'cannot be reached: there is no way to it',
  ECONNRESET: 'ends connections at once',
};

async function openConnection({ address, port }: Target, timeoutMs: number): Promise<void> {
  const socket = connect({ host: address, port, timeout: timeoutMs });
  try {
    await new Promise<void>((resolve, reject) => {
      socket
        .once('connect', resolve)
        .once('error', reject)
        .once('timeout', () => reject(timedOut()));
    });
  } finally {
    socket.destroy();
  }
}

async function askHttp(
  { host, address, port }: Target,
  probe: Probe,
  timeoutMs: number,
): Promise<string | null> {
  const isTls = tlsPorts.has(port);
  const asked = {
    host: address,
    port,
    path: probe.path ?? '/',
    agent: false,
    signal: AbortSignal.timeout(timeoutMs),
  };
  const headers = Object.fromEntries(
    [{ name: 'host', value: `${host}:${port}` }, ...(probe.headers ?? [])].map(({ name, value }) => [
      name,
      value,
    ]),
  );
  const status = await new Promise<number>((resolve, reject) => {
    // Whether it lives is asked, not who it is: certificates are not checked, as Kubernetes' probes do not.
    const request = isTls
      ? httpsRequest({ ...asked, headers, servername: host, rejectUnauthorized: false })
      : httpRequest({ ...asked, headers });
    request
      .once('response', (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
        request.destroy();
      })
      .once('error', (error) =>
        reject(error.name === 'AbortError' || error.name === 'TimeoutError' ? timedOut() : error),
      )
      .end();
  });
  const isGood = status >= 200 && status < 400;
  return isGood ? null : `${host} on port ${port} answers ${status} at ${probe.path ?? '/'}`;
}

function timedOut(): NodeJS.ErrnoException {
  return Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' });
}
