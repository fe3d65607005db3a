import { connect } from 'node:net';
import { messageOf } from '@skyarc/lib/errors';
import type { CriClient } from '../cri/client.ts';
import type { PodContainer } from '../pod.ts';
import { probeGrpc } from './grpc.ts';
import { httpGet, type HttpGetAction } from './http.ts';
import { portOf } from './port.ts';

export type ProbeSpec = NonNullable<PodContainer['livenessProbe']>;

export interface ProbeTarget {
  readonly container: PodContainer;
  readonly containerId: string;
  readonly podIp: string;
}

/** Sockets and calls take no timeout beyond 2^31 ms. */
const maxTimeoutMs = 24 * 3_600_000;
/** Of an answer no more than this is repeated in messages. */
const maxMessageLength = 1_024;

/** Undefined when the probe succeeded, else why it failed, in the kubelet's words. */
export async function runProbe(
  cri: CriClient,
  spec: ProbeSpec,
  target: ProbeTarget,
): Promise<string | undefined> {
  const timeoutMs = Math.min(maxTimeoutMs, Math.max(1, spec.timeoutSeconds ?? 1) * 1_000);
  const { container, podIp } = target;
  try {
    if (spec.httpGet) return await probeHttp(spec.httpGet, target, timeoutMs);
    if (spec.tcpSocket) {
      const host = spec.tcpSocket.host || podIp;
      return await probeTcp(host, portOf(spec.tcpSocket.port, container), timeoutMs);
    }
    if (spec.grpc) {
      const { port, service } = spec.grpc;
      return await probeGrpc({ host: podIp, port, service: service ?? '', timeoutMs });
    }
    if (spec.exec) return await probeExec(cri, spec.exec.command ?? [], target.containerId, timeoutMs);
    return `missing probe handler for container ${container.name}`;
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
    : `HTTP probe failed with statuscode: ${status} ${body.slice(0, 200)}`.trim();
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
  const output = `${answer.stdout.toString('utf8')}${answer.stderr.toString('utf8')}`;
  return output.slice(0, maxMessageLength).trim() || `exit code ${answer.exitCode}`;
}
