import { rm } from 'node:fs/promises';
import { purge as purgeBuilds } from '@skyarc/controllers/chaos';
import { stopNginx } from '@skyarc/controllers/gateway';
import { stopEngine as stopRegistry } from '@skyarc/controllers/hub';
import { halt, purge } from '@skyarc/embedded';
import { etcdDaemonOf } from '@skyarc/lib/etcd';
import { pollUntil } from '@skyarc/lib/retry';
import { embeddedConfigOf } from './cluster.ts';
import { chaosConfigOf, gatewayConfigOf, hubConfigOf } from './datacenter-configs.ts';
import { etcdConfigOf } from './engines.ts';
import { buildProgramsOf, nodeProcessesOf } from './inventory.ts';
import { findSupervisor } from './lock.ts';
import type { Topology } from './topology.ts';

/** Stops everything of this machine, apps too; with `purge` also removes all state. Safe to repeat. */
export async function down(topology: Topology, options: { readonly purge: boolean }): Promise<number> {
  const stages: readonly (readonly [title: string, work: () => Promise<unknown>])[] = [
    ['Node processes', () => stopNodeProcesses(topology)],
    ['gateway', () => stopNginx(gatewayConfigOf(topology))],
    ['builds', () => stopBuilds(topology)],
    ...(topology.isEmbedded
      ? [['apps and cluster', () => (options.purge ? purge : halt)(embeddedConfigOf(topology))] as const]
      : []),
    ['registry', () => stopRegistry(hubConfigOf(topology))],
    ['etcd', () => etcdDaemonOf(etcdConfigOf(topology)).stop()],
    ...(options.purge
      ? [['all state', () => rm(topology.home, { recursive: true, force: true, maxRetries: 5 })] as const]
      : []),
  ];
  for (const [title, work] of stages) {
    await work();
    console.log(`  ✓  ${title === 'all state' ? 'Removed' : 'Stopped'} ${title}`);
  }
  return 0;
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
