import { join } from 'node:path';
import { type ContainerResult, runContainer } from '../sandbox/container.ts';

/** Where programs that make layers run. */
export interface InstallPlace {
  /** Unique on this machine. */
  readonly id: string;
  readonly stateDir: string;
  readonly cgroup: string;
  /** Environment of package clients on this machine. */
  readonly env: Readonly<Record<string, string>>;
}

export interface InstallerRun {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly rootfs: string;
  /** Folders kept in memory. */
  readonly scratch: readonly string[];
}

/**
 * Runs a program as root of a layer that is being made, with this machine's network and no right that dpkg does not
 * need; answers how it ended and what it printed.
 */
export async function runInstaller(
  { id, stateDir, cgroup }: InstallPlace,
  { args, env, rootfs, scratch }: InstallerRun,
): Promise<Pick<ContainerResult, 'code'> & { readonly lines: readonly string[] }> {
  const lines: string[] = [];
  const { code } = await runContainer({
    id,
    stateDir,
    bundle: join(stateDir, `${id}.bundle`),
    cgroup: `${cgroup}/${id}`,
    role: 'installer',
    args,
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8', ...env },
    cwd: '/',
    rootfs,
    mounts: [],
    scratch,
    netns: null,
    cpuMillis: 4000,
    memoryMb: 2048,
    processes: 512,
    onLine: (line) => lines.push(line),
  });
  return { code, lines };
}
