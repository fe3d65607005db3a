import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '@skyarc/lib/process';
import type { Topology } from './topology.ts';

export interface ProcessInfo {
  readonly pid: number;
  readonly command: string;
}

/** Node processes of this installation other than the one that asks. */
export async function nodeProcessesOf(topology: Topology): Promise<ProcessInfo[]> {
  const entry = join(import.meta.dirname, '../skyarc.ts');
  return processesWhere(
    (argv, environment) =>
      argv.some((argument) => argument === entry || argument === 'scripts/skyarc.ts') &&
      (argv.includes('up') || argv.includes('run')) &&
      (environment.find((one) => one.startsWith('SKYARC_HOME='))?.slice('SKYARC_HOME='.length) ??
        '/var/lib/skyarc') === topology.home,
  );
}

/** Engines that keep their state in this installation's folder. */
export async function enginesOf(topology: Topology): Promise<ProcessInfo[]> {
  const engines = [
    'etcd',
    'containerd',
    'docker-registry',
    'nginx:',
    'prometheus',
    'prometheus-alertmanager',
    'prometheus-node-exporter',
  ];
  const nameServer = 'network/dns/bin.ts';
  return processesWhere(
    (argv) =>
      (engines.some((engine) => argv[0]?.split(' ')[0]?.endsWith(engine)) ||
        argv.some((argument) => argument.endsWith(nameServer))) &&
      argv.some((argument) => argument.includes(`${topology.home}/`)),
  );
}

/** Programs at work in the builders' folder, also within a root there: they outlive a builder that was killed. */
export async function buildProgramsOf({ home }: Topology): Promise<ProcessInfo[]> {
  const folder = join(home, 'chaos/');
  return processesWhere(
    (argv, _, root) => root.startsWith(folder) || argv.some((argument) => argument.includes(folder)),
  );
}

/** Objects of this installation on the host, one line each. */
export async function hostObjectsOf({ instance, home }: Topology): Promise<string[]> {
  const [links, tables, mounts, cgroups] = await Promise.all([
    run('ip', ['-brief', 'link']),
    run('nft', ['list', 'tables']),
    readFile('/proc/mounts', 'utf8'),
    cgroupsOf(instance),
  ]);
  const mountPoints = lines(mounts)
    .map((line) => line.split(' ')[1] ?? '')
    .filter((point) => point.startsWith(`${home}/`) || point.startsWith(`/run/${instance}-`));
  return [
    ...lines(links.stdout)
      .filter((line) => line.startsWith(instance))
      .map((line) => `link ${line.split(/\s+/)[0]}`),
    ...lines(tables.stdout)
      .filter((line) => line.split(' ')[2]?.startsWith(instance))
      .map((line) => `nftables ${line}`),
    ...(mountPoints.length > 0 ? [`${mountPoints.length} mounts below ${home} and /run/${instance}-*`] : []),
    ...cgroups.map((path) => `control group ${path}`),
  ];
}

async function cgroupsOf(instance: string): Promise<string[]> {
  const root = '/sys/fs/cgroup';
  const isOurs = (name: string) => name === instance || name.startsWith(`${instance}-`);
  const top = await foldersIn(root);
  const nested = await Promise.all(
    top.map(async (name) =>
      (await foldersIn(join(root, name))).filter(isOurs).map((one) => join(root, name, one)),
    ),
  );
  return [...top.filter(isOurs).map((name) => join(root, name)), ...nested.flat()];
}

function lines(text: string): string[] {
  return text.split('\n').filter(Boolean);
}

async function foldersIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

async function processesWhere(
  matches: (argv: readonly string[], environment: readonly string[], root: string) => boolean,
): Promise<ProcessInfo[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const found = await Promise.all(
    pids.map(async (pid) => {
      const [argv = [], environment = []] = await Promise.all(
        ['cmdline', 'environ'].map(async (file) =>
          (await readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')).split('\0').filter(Boolean),
        ),
      );
      const root = await readlink(`/proc/${pid}/root`).catch(() => '/');
      return matches(argv, environment, root)
        ? [{ pid: Number(pid), command: argv.slice(0, 4).join(' ') }]
        : [];
    }),
  );
  return found.flat();
}
