import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { AppError, messageOf } from '@skyarc/lib/errors';
import { EtcdClient, startEtcd } from '@skyarc/lib/etcd';
import { retry } from '@skyarc/lib/retry';
import { etcdConfigOf, etcdUrlOf } from './engines.ts';
import { takeLock } from './lock.ts';
import { throwIfTaken } from './ports.ts';
import { processNames } from './processes.ts';
import { restartsFileOf } from './status.ts';
import { Supervisor } from './supervisor.ts';
import type { Topology } from './topology.ts';

/** Starts everything in order, says where it is, and stays until a signal; apps outlive it. */
export async function up(topology: Topology, options: { readonly isDevelopment: boolean }): Promise<number> {
  await mkdir(topology.home, { recursive: true, mode: 0o711 });
  const unlock = await takeLock(topology);
  const stopping = new AbortController();
  const stopped = untilSignal();
  const supervisor = new Supervisor({
    entry: resolve(import.meta.dirname, '../skyarc.ts'),
    restartsFile: restartsFileOf(topology),
  });
  supervisor.on('crashed', (name, reason, waitMs) =>
    console.log(`  !  ${name} ended (${reason}); starting it again in ${Math.round(waitMs)} ms`),
  );
  try {
    const starting = startAll(topology, supervisor, stopping.signal);
    const facts = await Promise.race([starting, stopped.then(() => null)]);
    // A signal during the start leaves it to fail by itself, unheard.
    starting.catch(() => undefined);
    if (facts) {
      announce(topology, facts);
      supervisor.on('ready', (_name, { claimToken }) => {
        if (claimToken)
          console.log(`  Claim it  ${claimLinkOf(topology, claimToken)}   (the link before ended)`);
      });
      if (options.isDevelopment) startWebDevelopment(topology);
      await stopped;
    }
    const hint = topology.isEmbedded ? ' (`npm run skyarc -- down` stops them too)' : '';
    console.log(`\nStopping the control plane; apps keep running${hint}.`);
  } finally {
    stopping.abort();
    await supervisor.stop();
    await unlock();
  }
  return 0;
}

async function startAll(
  topology: Topology,
  supervisor: Supervisor,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  console.log(`\nSkyarc on this machine, state in ${topology.home}\n`);
  await throwIfTaken(topology);
  if (!topology.isEmbedded) await lookAtCluster(topology);
  const haveEtcd = topology.etcdUrls.length > 0 ? reachEtcd : keepEtcd;
  await timed('etcd', () => haveEtcd(topology, signal));
  const names = processNames.filter((name) => name !== 'cluster' || topology.isEmbedded);
  let facts: Readonly<Record<string, string>> = {};
  for (const name of names) {
    const logFile = topology.path('log', `${name}.log`);
    facts = { ...facts, ...(await timed(name, () => supervisor.start({ name, logFile }))) };
  }
  return facts;
}

/** Says what stands between us and a cluster that is not ours; the services wait for it by themselves. */
async function lookAtCluster({ kubeconfig }: Topology): Promise<void> {
  // Only a cluster of others is asked from here; the client is too large to be kept for nothing.
  const { KubeClient, loadKubeConfig } = await import('@skyarc/lib/kube');
  const kube = new KubeClient(await loadKubeConfig(kubeconfig));
  try {
    console.log(`  ✓  Kubernetes ${await kube.version()} of ${kubeconfig}`);
  } catch (error) {
    console.log(`  !  Waiting for the cluster of ${kubeconfig}: ${messageOf(error)}`);
  } finally {
    await kube.close();
  }
}

/** Starts etcd, or adopts the one that runs, and starts it again whenever it is gone. */
async function keepEtcd(topology: Topology, signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
  const { daemon, url } = await startEtcd(etcdConfigOf(topology), signal);
  void daemon.keep(signal, (error) =>
    console.log(`  !  etcd was gone; ${error ? `cannot start it: ${messageOf(error)}` : 'it runs again'}`),
  );
  return { about: url };
}

/** Waits for the etcd that is there already, which may start beside us. */
async function reachEtcd(topology: Topology, signal: AbortSignal): Promise<Readonly<Record<string, string>>> {
  const url = etcdUrlOf(topology);
  const etcd = new EtcdClient({ url });
  try {
    await retry(() => etcd.revision(), { attempts: 30, maxMs: 2_000, signal });
    return { about: url };
  } catch (error) {
    throw new AppError(
      'UNAVAILABLE',
      `No member of the etcd at ${url} answers (${messageOf(error)}): start it, or change SKYARC_ETCD_URLS`,
    );
  } finally {
    etcd.close();
  }
}

/** Says what begins to run and how long it took to serve. */
async function timed(
  name: string,
  start: () => Promise<Readonly<Record<string, string>>>,
): Promise<Readonly<Record<string, string>>> {
  const began = Date.now();
  const facts = await start();
  const detail = facts['about'] ? ` (${facts['about']})` : '';
  console.log(`  ✓  ${name}${detail}  ${((Date.now() - began) / 1000).toFixed(1)} s`);
  return facts;
}

function announce(topology: Topology, facts: Readonly<Record<string, string>>): void {
  const { claimToken } = facts;
  const lines = [
    '',
    'Skyarc is ready.',
    '',
    `  Console   ${consoleUrlOf(topology)}`,
    ...(claimToken ? [`  Claim it  ${claimLinkOf(topology, claimToken)}   (once)`] : []),
    `  Apps      http://<port>.<app>.<team>.${topology.domain}:${topology.ports.gatewayHttp}`,
    `  Logs      ${topology.path('log')}`,
    ...(topology.isEmbedded ? [`  kubectl   --kubeconfig ${topology.kubeconfig}`] : []),
    '',
    'Ctrl-C stops the control plane; apps keep running.',
  ];
  console.log(lines.join('\n'));
}

function consoleUrlOf(topology: Topology): string {
  return `http://localhost:${topology.ports.console}`;
}

function claimLinkOf(topology: Topology, token: string): string {
  return `${consoleUrlOf(topology)}/claim?token=${token}`;
}

/** `next dev` beside the real API, which it passes requests on to. */
function startWebDevelopment(topology: Topology): void {
  const port = String(topology.ports.console + 1000);
  const env = { ...process.env, SKYARC_API: consoleUrlOf(topology) };
  spawn('next', ['dev', '--port', port], {
    cwd: resolve(import.meta.dirname, '../../web'),
    env,
    stdio: 'inherit',
  });
  console.log(`  Console with live reload  http://localhost:${port}`);
}

function untilSignal(): Promise<void> {
  return new Promise((done) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => done());
  });
}
