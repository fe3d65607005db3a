import { pathPrefix, portNumber } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { check } from '@skyarc/lib/input';
import { z } from 'zod';
import type { Api } from '../api.ts';
import { getApp } from '../commands/operations.ts';
import { type CallContext, teamFilter } from '../context.ts';
import type {
  MetricsEndpoint,
  MetricsTarget,
  MutationSetMetricsEndpointArgs,
} from '../generated/resolvers.ts';

const endpoint = z.object({
  port: portNumber,
  path: pathPrefix.nullish(),
  intervalSec: z.int().min(5, 'is at least 5').max(120, 'is at most 120').nullish(),
});
const maxEndpoints = 5;

/** Where an app has metrics of its own, by port, and which of its pods answered there. */
export async function listEndpoints(
  api: Api,
  appId: string,
  context: CallContext,
): Promise<MetricsEndpoint[]> {
  const endpoints = await api.repository.db.metricsEndpoint.findMany({
    where: { appId, app: { deletedAt: null, ...teamFilter(context) } },
    orderBy: { port: 'asc' },
  });
  if (endpoints.length === 0) return [];
  const targets = await targetsByPort(api, appId);
  return endpoints.map(({ port, path, intervalSec }) => ({
    port,
    path,
    intervalSec,
    targets: targets && (targets.get(port) ?? []),
  }));
}

/** Makes, changes or with a null path removes one. Throws INVALID, NOT_FOUND, EXHAUSTED. */
export async function setEndpoint(
  api: Api,
  args: MutationSetMetricsEndpointArgs,
  context: CallContext,
): Promise<MetricsEndpoint[]> {
  const what = 'Cannot set where metrics are';
  const { id: appId } = await getApp(api, args.appId, context);
  const { port, path, intervalSec = null } = check(what, endpoint, args);
  const { metricsEndpoint } = api.repository.db;
  if (!path) await metricsEndpoint.deleteMany({ where: { appId, port } });
  else {
    const others = await metricsEndpoint.count({ where: { appId, port: { not: port } } });
    if (others >= maxEndpoints) {
      throw new AppError('EXHAUSTED', `${what}: there are ${maxEndpoints} already`);
    }
    await metricsEndpoint.upsert({
      where: { appId_port: { appId, port } },
      create: { appId, port, path, intervalSec },
      update: { path, intervalSec },
    });
  }
  await api.monitor.changed();
  return listEndpoints(api, appId, context);
}

/** Null while monitoring does not answer. */
async function targetsByPort(api: Api, appId: string): Promise<Map<number, MetricsTarget[]> | null> {
  const found = await api.monitor
    .query(`up{job="apps", app=${JSON.stringify(appId)}}`)
    .catch((error: unknown) => (error instanceof AppError ? null : Promise.reject(error)));
  if (!found) return null;
  const targets = new Map<number, MetricsTarget[]>();
  for (const { metric, value } of found.data.result) {
    // The instance is `<pod>:<port>`.
    const port = Number(metric['instance']?.split(':').at(-1));
    const target = { pod: metric['pod'] ?? '', isUp: value[1] === '1' };
    targets.set(port, [...(targets.get(port) ?? []), target]);
  }
  return targets;
}
