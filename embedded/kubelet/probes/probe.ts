import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { messageOf } from '@skyarc/lib/errors';
import type { CriClient } from '../cri/client.ts';
import type { PodContainer } from '../pod.ts';

export type ProbeSpec = NonNullable<PodContainer['livenessProbe']>;
export type HttpGetAction = NonNullable<ProbeSpec['httpGet']>;

export interface ProbeTarget {
  readonly container: PodContainer;
  readonly containerId: string;
  readonly podIp: string;
}

/** Undefined when the probe succeeded, else why it failed, in the kubelet's words. */
export async function runProbe(
  cri: CriClient,
  spec: ProbeSpec,
  target: ProbeTarget,
): Promise<string | undefined> {
  const timeoutMs = (spec.timeoutSeconds ?? 1) * 1_000;
  try {
    if (spec.httpGet) return await probeHttp(spec.httpGet, target, timeoutMs);
    if (spec.tcpSocket) {
      const host = spec.tcpSocket.host ?? target.podIp;
      return await probeTcp(host, portOf(spec.tcpSocket.port, target.container), timeoutMs);
    }
    if (spec.exec) return await probeExec(cri, spec.exec.command ?? [], target.containerId, timeoutMs);
    return 'grpc probes are not supported by this kubelet';
  } catch (error) {
    return messageOf(error);
  }
}

async function probeHttp(
  action: HttpGetAction,
  target: ProbeTarget,
  timeoutMs: number,
): Promise<string | undefined> {
  const { status, body } = await httpGet(action, target, timeoutMs);
  return status >= 200 && status < 400
    ? undefined
    : `HTTP probe failed with statuscode: ${status} ${body}`.trim();
}

/** The GET of a probe or hook; redirects are not followed. Throws when no answer comes in time. */
export function httpGet(
  action: HttpGetAction,
  { container, podIp }: Pick<ProbeTarget, 'container' | 'podIp'>,
  timeoutMs: number,
): Promise<{ status: number; body: string }> {
  const isTls = action.scheme === 'HTTPS';
  const headers: Record<string, string> = {
    'user-agent': 'kube-probe/1.32',
    accept: '*/*',
    connection: 'close',
  };
  for (const { name, value } of action.httpHeaders ?? []) headers[name.toLowerCase()] = value;
  const options = {
    host: action.host ?? podIp,
    port: portOf(action.port, container),
    path: action.path?.startsWith('/') ? action.path : `/${action.path ?? ''}`,
    headers,
    agent: false as const,
    rejectUnauthorized: false,
    signal: AbortSignal.timeout(timeoutMs),
  };
  return new Promise((resolve, reject) => {
    const request = (isTls ? httpsRequest : httpRequest)(options, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        if (body.length < 200) body += chunk.slice(0, 200);
      });
      response.once('error', reject).once('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    request
      .once('error', (error) => {
        const isLate = error.name === 'AbortError' || error.name === 'TimeoutError';
        reject(
          isLate
            ? new Error('context deadline exceeded (Client.Timeout exceeded while awaiting headers)')
            : error,
        );
      })
      .end();
  });
}

function probeTcp(host: string, port: number, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const finish = (failure: string | undefined) => {
      socket.destroy();
      resolve(failure);
    };
    socket.setTimeout(timeoutMs, () => finish(`dial tcp ${host}:${port}: i/o timeout`));
    socket
      .once('connect', () => finish(undefined))
      .once('error', (error) => finish(`dial tcp: ${error.message}`));
  });
}

async function probeExec(
  cri: CriClient,
  cmd: readonly string[],
  containerId: string,
  timeoutMs: number,
): Promise<string | undefined> {
  const timeout = Math.ceil(timeoutMs / 1_000);
  const answer = await cri.call('ExecSync', { containerId, cmd, timeout }, { timeoutMs: timeoutMs + 2_000 });
  if (answer.exitCode === 0) return undefined;
  return (
    `${answer.stdout.toString('utf8')}${answer.stderr.toString('utf8')}`.slice(0, 1024).trim() ||
    `exit code ${answer.exitCode}`
  );
}

/** A port by number or by the name the container gives it. */
export function portOf(port: unknown, container: PodContainer): number {
  if (typeof port === 'number') return port;
  const named = (container.ports ?? []).find(({ name }) => name === port)?.containerPort;
  const found = named ?? Number(port);
  if (!Number.isInteger(found)) throw new Error(`couldn't find port ${JSON.stringify(port)}`);
  return found;
}
