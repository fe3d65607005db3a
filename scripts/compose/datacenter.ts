import { type RunningService, Stack } from '@skyarc/lib/lifecycle';
import type { ServiceName, StartedProcess } from './processes.ts';
import { openShared, startAnnounced } from './services.ts';
import type { Topology } from './topology.ts';

/** All services of this machine's data centre, in the order in which they need each other. */
export async function startDataCenter(topology: Topology): Promise<StartedProcess> {
  const stack = new Stack();
  try {
    const shared = await openShared(topology, stack);
    const use = async (name: ServiceName): Promise<RunningService> =>
      stack.use(await startAnnounced(name, topology, shared), (service) => service.stop());
    await Promise.all((['hub', 'mq', 'eventlog'] as const).map(use));
    const others: readonly ServiceName[] = [
      'gateway',
      'node',
      'webcli',
      'monitor',
      'worker',
      'chaos',
      ...(topology.servesPackages ? (['repo'] as const) : []),
      ...(topology.dns.listen ? (['dns'] as const) : []),
    ];
    await Promise.all(others.map(use));
    const { url } = await use('api');
    return { stop: () => stack.stop(), facts: { about: `API at ${url}` } };
  } catch (error) {
    await stack.stop();
    throw error;
  }
}
