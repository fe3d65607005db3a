import { readdir, rm, stat } from 'node:fs/promises';
import { purge as purgeBuilds } from '@skyarc/controllers/chaos';
import { stopNginx } from '@skyarc/controllers/gateway';
import { stopEngine as stopRegistry } from '@skyarc/controllers/hub';
import { stopEngines as stopMonitoring } from '@skyarc/controllers/monitor';
import { stopExporter } from '@skyarc/controllers/node';
import { halt, purge } from '@skyarc/embedded';
import { EtcdClient, etcdDaemonOf } from '@skyarc/lib/etcd';
import { pollUntil } from '@skyarc/lib/retry';
import { embeddedConfigOf } from './cluster.ts';
import { chaosConfigOf, gatewayConfigOf, hubConfigOf } from './datacenter-configs.ts';
import { etcdConfigOf, etcdRootOf, etcdUrlOf } from './engines.ts';
import { buildProgramsOf, nodeProcessesOf } from './inventory.ts';
import { findSupervisor } from './lock.ts';
import { monitorConfigOf } from './monitor.ts';
import { nodeConfigOf } from './node.ts';
import { servicesFolderOf } from './status.ts';
import type { Topology } from './topology.ts';

/**
 * Stops everything of this machine, apps of the embedded cluster too; with `purge` also removes all state.
 * Nothing in a cluster that was there already is touched. Safe to repeat.
 */
export async function down(topology: Topology, options: { readonly purge: boolean }): Promise<number> {
  // Also when the settings lead to another cluster now: this machine's own is ours to stop.
  const hasEmbedded = topology.isEmbedded || (await exists(topology.path('cluster')));
  const stages: readonly (readonly [title: string, work: () => Promise<unknown>])[] = [
    ['Node processes', () => stopNodeProcesses(topology)],
    ['gateway', () => stopGateways(topology)],
    ['builds', () => stopBuilds(topology)],
    ...(hasEmbedded
      ? [['apps and cluster', () => (options.purge ? purge : halt)(embeddedConfigOf(topology))] as const]
      : []),
    ['monitoring', () => stopMonitors(topology)],
    ['registry', () => stopRegistry(hubConfigOf(topology))],
    ['etcd', () => etcdDaemonOf(etcdConfigOf(topology)).stop()],
    ...(options.purge && topology.etcdUrls.length > 0
      ? [['all keys in etcd', () => removeKeys(topology)] as const]
      : []),
    ...(options.purge
      ? [['all state', () => rm(topology.home, { recursive: true, force: true, maxRetries: 5 })] as const]
      : []),
  ];
  for (const [title, work] of stages) {
    await work();
    console.log(`  ✓  ${title.startsWith('all ') ? 'Removed' : 'Stopped'} ${title}`);
  }
  if (!topology.isEmbedded) sayWhatStays(topology, options.purge);
  return 0;
}

function sayWhatStays({ kubeconfig }: Topology, isPurge: boolean): void {
  console.log(`\nApps in the cluster of ${kubeconfig} keep running, without a gateway.`);
  if (!isPurge) return;
  const command = `kubectl --kubeconfig ${kubeconfig} delete namespace -l app.kubernetes.io/managed-by=skyarc`;
  console.log(
    `Skyarc has forgotten them; this removes them with all that is in their namespaces:\n  ${command}`,
  );
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}

/** SIGTERM to the supervisor, which ends the others; SIGKILL to what is left after 20 s. */
async function stopNodeProcesses(topology: Topology): Promise<void> {
  const supervisor = await findSupervisor(topology);
  if (supervisor !== null) process.kill(supervisor, 'SIGTERM');
  const deadline = Date.now() + 20_000;
  await pollUntil(
    async () => {
      const left = await nodeProcessesOf(topology);
      if (left.length === 0) return true;
      if (Date.now() > deadline) for (const { pid } of left) process.kill(pid, 'SIGKILL');
      return undefined;
    },
    { timeoutMs: 30_000, onTimeout: () => new Error('Some Node processes cannot be ended') },
  );
  // Whoever had to be killed is meant to be away, too.
  await rm(servicesFolderOf(topology), { recursive: true, force: true });
}

/** Also those that `skyarc run gateway` started beside the data centre's own. */
async function stopGateways(topology: Topology): Promise<void> {
  const folders = await readdir(topology.home).catch(() => []);
  for (const folder of folders) {
    const found = /^gateway(?:-(\d))?$/.exec(folder);
    if (found) await stopNginx(gatewayConfigOf({ ...topology, index: Number(found[1] ?? 0) }));
  }
}

/** Also those that `skyarc run monitor` started beside the data centre's own. */
async function stopMonitors(topology: Topology): Promise<void> {
  const folders = await readdir(topology.home).catch(() => []);
  for (const folder of folders) {
    const found = /^monitor(?:-(\d))?$/.exec(folder);
    if (!found) continue;
    await stopMonitoring(await monitorConfigOf({ ...topology, index: Number(found[1] ?? 0) }));
  }
  await stopExporter(await nodeConfigOf(topology));
}

/** Of an etcd that others may use, too. */
async function removeKeys(topology: Topology): Promise<void> {
  const etcd = new EtcdClient({ url: etcdUrlOf(topology) });
  try {
    await etcd.deleteAll(etcdRootOf(topology));
  } finally {
    etcd.close();
  }
}

async function stopBuilds(topology: Topology): Promise<void> {
  await pollUntil(
    async () => {
      const left = await buildProgramsOf(topology);
      for (const { pid } of left) killIfAlive(pid);
      return left.length === 0 ? true : undefined;
    },
    { timeoutMs: 20_000, onTimeout: () => new Error('Some programs of builds cannot be ended') },
  );
  await purgeBuilds(chaosConfigOf(topology));
}

function killIfAlive(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended between the listing and now.
  }
}
