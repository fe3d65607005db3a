import { join } from 'node:path';
import { AppError } from '@skyarc/lib/errors';
import type {
  ContainerTarget,
  ExecOptions,
  LogOptions,
  NodePage,
  NodeProxy,
  StreamOptions,
} from '../apiserver/node-proxy.ts';
import type { CriClient } from './cri/client.ts';
import { listLogFiles } from './logs/files.ts';
import { readLog } from './logs/reader.ts';
import { isRunning, newestOf, readySandboxOf, restartCountOf, RuntimeReader } from './pod-runtime.ts';
import { podLogFolder } from './render/sandbox.ts';
import type { UsageMeter } from './usage/meter.ts';

/** Logs, exec, attach and port-forward of the pods on this node, and the node's own pages. */
export class CriNodeProxy implements NodeProxy {
  private readonly cri: CriClient;
  private readonly podLogRoot: string;
  private readonly reader: RuntimeReader;
  private readonly meter: UsageMeter;

  constructor(cri: CriClient, podLogRoot: string, meter: UsageMeter) {
    this.cri = cri;
    this.podLogRoot = podLogRoot;
    this.meter = meter;
    this.reader = new RuntimeReader(cri);
  }

  async openLog(
    target: ContainerTarget,
    options: LogOptions,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>> {
    const runtime = await this.reader.read(target.podUid);
    const newest = newestOf(runtime, target.container);
    if (!newest) {
      const why = `container "${target.container}" in pod "${target.pod}" is waiting to start`;
      throw new AppError('INVALID', why, { details: { reason: 'BadRequest' } });
    }
    const attempt = restartCountOf(newest) - (options.previous ? 1 : 0);
    const { namespace, pod: name, podUid: uid } = target;
    const folder = podLogFolder(this.podLogRoot, { namespace, name, uid });
    const logPath = join(folder, target.container, `${attempt}.log`);
    if (options.previous && (attempt < 0 || (await listLogFiles(logPath)).length === 0)) {
      throw new AppError(
        'INVALID',
        `previous terminated container "${target.container}" in pod "${target.pod}" not found`,
      );
    }
    const isEnded = async () => options.previous || !(await this.isRunning(newest.id));
    return readLog(logPath, options, { isEnded, signal });
  }

  async readPage(path: string): Promise<NodePage | null> {
    return this.meter.page(path);
  }

  async openExec(target: ContainerTarget, options: ExecOptions): Promise<URL> {
    const containerId = await this.requireRunning(target);
    const { command, ...streams } = options;
    const { url } = await this.cri.call('Exec', { containerId, cmd: command, ...withoutTtyStderr(streams) });
    return new URL(url);
  }

  async openAttach(target: ContainerTarget, options: StreamOptions): Promise<URL> {
    const containerId = await this.requireRunning(target);
    const { url } = await this.cri.call('Attach', { containerId, ...withoutTtyStderr(options) });
    return new URL(url);
  }

  async openPortForward(target: Omit<ContainerTarget, 'container'>, ports: readonly number[]): Promise<URL> {
    const sandbox = readySandboxOf(await this.reader.read(target.podUid));
    if (!sandbox) throw new AppError('INVALID', `pod "${target.pod}" is not running`);
    const { url } = await this.cri.call('PortForward', { podSandboxId: sandbox.id, port: ports });
    return new URL(url);
  }

  private async requireRunning(target: ContainerTarget): Promise<string> {
    const newest = newestOf(await this.reader.read(target.podUid), target.container);
    if (!newest) throw new AppError('NOT_FOUND', `container not found ("${target.container}")`);
    if (!isRunning(newest)) {
      throw new AppError('INVALID', `container "${target.container}" of pod "${target.pod}" is not running`);
    }
    return newest.id;
  }

  private async isRunning(containerId: string): Promise<boolean> {
    try {
      return isRunning((await this.cri.call('ContainerStatus', { containerId })).status);
    } catch {
      return false;
    }
  }
}

/** With a terminal there is one output stream; CRI refuses stderr beside it. */
function withoutTtyStderr({ stdin, stdout, stderr, tty }: StreamOptions): StreamOptions {
  return { stdin, stdout, stderr: stderr && !tty, tty };
}
