import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { startEtcd } from '@skyarc/lib/etcd';
import { etcdConfigOf } from './engines.ts';
import { takeLock } from './lock.ts';
import { processNames } from './processes.ts';
import { Supervisor } from './supervisor.ts';
import type { Topology } from './topology.ts';

/** Starts everything in order, says where it is, and stays until a signal; apps outlive it. */
export async function up(topology: Topology, options: { readonly isDevelopment: boolean }): Promise<number> {
  await mkdir(topology.home, { recursive: true, mode: 0o711 });
  const unlock = await takeLock(topology);
  const stopped = untilSignal();
  const supervisor = new Supervisor(resolve(import.meta.dirname, '../skyarc.ts'));
  supervisor.on('crashed', (name, reason, waitMs) =>
    console.log(`  !  ${name} ended (${reason}); starting it again in ${Math.round(waitMs)} ms`),
  );
  try {
    const facts = await Promise.race([startAll(topology, supervisor), stopped.then(() => null)]);
    if (facts) {
      announce(topology, facts);
      if (options.isDevelopment) startWebDevelopment(topology);
      await stopped;
    }
    console.log('\nStopping the control plane; apps keep running (`npm run skyarc -- down` stops them too).');
  } finally {
    await supervisor.stop();
    await unlock();
  }
  return 0;
}

async function startAll(
  topology: Topology,
  supervisor: Supervisor,
): Promise<Readonly<Record<string, string>>> {
  console.log(`\nSkyarc on this machine, state in ${topology.home}\n`);
  await timed('etcd', () => startEtcd(etcdConfigOf(topology)).then(() => ({})));
  const names = processNames.filter((name) => name !== 'cluster' || topology.isEmbedded);
  let facts: Readonly<Record<string, string>> = {};
  for (const name of names) {
    const logFile = topology.path('log', `${name}.log`);
    facts = { ...facts, ...(await timed(name, () => supervisor.start({ name, logFile }))) };
  }
  return facts;
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
  const console_ = `http://localhost:${topology.ports.console}`;
  const lines = [
    '',
    'Skyarc is ready.',
    '',
    `  Console   ${console_}`,
    ...(facts['claimToken'] ? [`  Claim it  ${console_}/claim?token=${facts['claimToken']}   (once)`] : []),
    `  Apps      http://<port>.<app>.<team>.${topology.domain}:${topology.ports.gatewayHttp}`,
    `  Logs      ${topology.path('log')}`,
    ...(topology.isEmbedded ? [`  kubectl   --kubeconfig ${topology.kubeconfig}`] : []),
    '',
    'Ctrl-C stops the control plane; apps keep running.',
  ];
  console.log(lines.join('\n'));
}

/** `next dev` beside the real API, which it passes requests on to. */
function startWebDevelopment(topology: Topology): void {
  const api = `http://localhost:${topology.ports.console}`;
  const port = String(topology.ports.console + 1000);
  const env = { ...process.env, SKYARC_API: api };
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
