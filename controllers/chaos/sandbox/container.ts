import { spawn } from 'node:child_process';
import { mkdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '@skyarc/lib/process';
import { readLines } from './output.ts';
import { renderSpec, type SpecOptions } from './spec.ts';

export interface ContainerOptions extends SpecOptions {
  readonly id: string;
  /** Where runc keeps its state. */
  readonly stateDir: string;
  /** Folder of this container's configuration; made and removed. */
  readonly bundle: string;
  readonly signal?: AbortSignal;
  readonly onLine?: (line: string) => void;
}

export interface ContainerResult {
  readonly code: number;
  /** A process of it was killed because its memory was used up. */
  readonly isOutOfMemory: boolean;
  /** It wanted more processes than it may have. */
  readonly isOutOfProcesses: boolean;
}

/**
 * Runs a command in a container to its end. The signal kills all its processes; the caller looks at the
 * signal then. Everything of it is gone when this returns.
 */
export async function runContainer(options: ContainerOptions): Promise<ContainerResult> {
  const { id, bundle, stateDir, signal, onLine = () => undefined } = options;
  signal?.throwIfAborted();
  await mkdir(bundle, { recursive: true, mode: 0o700 });
  await writeFile(join(bundle, 'config.json'), JSON.stringify(renderSpec(options)));
  const child = spawn('runc', ['--root', stateDir, 'run', '--keep', '--bundle', bundle, id], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const kill = () =>
    void run('runc', ['--root', stateDir, 'kill', '--all', id, 'KILL']).catch(() => undefined);
  // Again and again: the signal may come before the container is there.
  let killing: NodeJS.Timeout | undefined;
  const onAbort = () => {
    kill();
    killing = setInterval(kill, 200);
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const lines = [readLines(child.stdout, onLine), readLines(child.stderr, onLine)];
    const code = await new Promise<number>((resolve, reject) => {
      child.once('error', reject).once('close', (exitCode) => resolve(exitCode ?? 137));
    });
    await Promise.all(lines);
    return { code, ...(await countersOf(options.cgroup)) };
  } finally {
    clearInterval(killing);
    signal?.removeEventListener('abort', onAbort);
    await run('runc', ['--root', stateDir, 'delete', '--force', id]);
    await rm(bundle, { recursive: true, force: true });
  }
}

const cgroupRoot = '/sys/fs/cgroup';

/** Counters of cgroup v1 or v2, whichever the machine has. */
async function countersOf(cgroup: string): Promise<Omit<ContainerResult, 'code'>> {
  const memory = await readAll([`memory${cgroup}/memory.oom_control`, `${cgroup}/memory.events`]);
  const pids = await readAll([`pids${cgroup}/pids.events`, `${cgroup}/pids.events`]);
  return { isOutOfMemory: /^oom_kill [1-9]/m.test(memory), isOutOfProcesses: /^max [1-9]/m.test(pids) };
}

async function readAll(paths: readonly string[]): Promise<string> {
  const texts = paths.map((path) => readFile(join(cgroupRoot, path), 'utf8').catch(() => ''));
  return (await Promise.all(texts)).join('\n');
}

/** Removes the empty control groups below and at a path, in every hierarchy. */
export async function removeCgroup(cgroup: string): Promise<void> {
  const wanted = ['(', '-path', `*${cgroup}`, '-o', '-path', `*${cgroup}/*`, ')'];
  const { stdout } = await run('find', [cgroupRoot, '-depth', '-type', 'd', ...wanted]);
  for (const path of stdout.split('\n').filter(Boolean)) await rmdir(path).catch(() => undefined);
}
