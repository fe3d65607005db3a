import { messageOf } from '@skyarc/lib/errors';
import type { RunningService } from '@skyarc/lib/lifecycle';
import { createLogger } from '@skyarc/lib/log';
import { aliveEveryMs, type ChildMessage } from './supervisor.ts';
import type { Topology } from './topology.ts';

/** The Node processes of one machine, in the order of their start. */
export const processNames = ['cluster', 'datacenter', 'console'] as const;
export type ProcessName = (typeof processNames)[number];

/** A data centre's services, each of which can also run in a process of its own. */
export const serviceNames = [
  'hub',
  'repo',
  'mq',
  'eventlog',
  'gateway',
  'node',
  'dns',
  'webcli',
  'monitor',
  'worker',
  'chaos',
  'api',
] as const;
export type ServiceName = (typeof serviceNames)[number];
export type RunnableName = ProcessName | ServiceName;

/** A process that serves, and what its supervisor shows of it. */
export interface StartedProcess extends Pick<RunningService, 'stop'> {
  readonly facts: Readonly<Record<string, string>>;
}

const starters: Readonly<Record<ProcessName, (topology: Topology) => Promise<StartedProcess>>> = {
  cluster: async (topology) => (await import('./cluster.ts')).startCluster(topology),
  datacenter: async (topology) => (await import('./datacenter.ts')).startDataCenter(topology),
  console: async (topology) => (await import('./console.ts')).startConsole(topology),
};

async function startOne(name: RunnableName, topology: Topology): Promise<StartedProcess> {
  const isProcess = (one: RunnableName): one is ProcessName => one in starters;
  if (isProcess(name)) return starters[name](topology);
  return (await import('./services.ts')).startService(name, topology);
}

export function isRunnableName(name: string | undefined): name is RunnableName {
  return [...processNames, ...serviceNames].some((one) => one === name);
}

/** Runs one process until a signal, or until its supervisor is gone; answers the exit status. */
export async function runProcess(name: RunnableName, topology: Topology): Promise<number> {
  const log = createLogger(name);
  const stopped = untilStopped();
  tell({ type: 'alive' });
  const beating = setInterval(tell, aliveEveryMs, { type: 'alive' } satisfies ChildMessage);
  try {
    const started = await startOne(name, topology);
    log.info({ pid: process.pid, ...started.facts, claimToken: undefined }, 'serving');
    tell({ type: 'ready', facts: started.facts });
    const why = await stopped;
    log.info({ why }, 'stopping');
    await started.stop();
    return 0;
  } catch (error) {
    log.fatal({ err: error }, messageOf(error));
    tell({ type: 'failed', message: messageOf(error) });
    return 1;
  } finally {
    clearInterval(beating);
    // Whatever still holds the process open must not keep a successor waiting.
    setTimeout(() => process.exit(), 3000).unref();
    if (process.connected) process.disconnect();
  }
}

function tell(message: ChildMessage): void {
  if (process.connected) process.send?.(message);
}

function untilStopped(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal));
    if (process.send) process.once('disconnect', () => resolve('the supervisor is gone'));
  });
}
