import { appName } from '@skyarc/lib/contracts';
import { z } from 'zod';
import { build, buildOptionNames, containerNames, mergedColumn } from './build.ts';
import { l4Routes, ports, routes } from './network.ts';
import { replicaCount, run } from './run.ts';
import { source } from './source.ts';
import { appPlugins, dependencyIds, variables } from './team.ts';
import { groupId, plainText } from './text.ts';
import { volumes } from './volume.ts';

const displayName = plainText(80, 'A display name').optional();

const settings = {
  displayName,
  build: build.optional(),
  run: run.optional(),
  env: variables.optional(),
  ports: ports.optional(),
};

export const inputs = {
  createApp: z.object({ ...settings, groupId, name: appName, source }),
  updateApp: z.object({
    ...settings,
    groupId: groupId.optional(),
    source: source.optional(),
    routes: routes.optional(),
    l4Routes: l4Routes.optional(),
    volumes: volumes.optional(),
    dependencyIds: dependencyIds.optional(),
    plugins: appPlugins.optional(),
  }),
  replicas: replicaCount,
};
export type CheckedApp = z.output<typeof inputs.createApp>;
export type CheckedUpdate = z.output<typeof inputs.updateApp>;

/** Columns of build and run settings; only those that were given, over what is `present`. */
export function settingColumns(
  { build: wanted, run: wish }: Pick<CheckedUpdate, 'build' | 'run'>,
  present?: { readonly container: string | null; readonly buildOptions: string | null },
) {
  return {
    container: mergedColumn(present?.container, wish, containerNames),
    buildOptions: mergedColumn(present?.buildOptions, wanted, buildOptionNames),
    buildpack: wanted?.buildpack === '' ? null : wanted?.buildpack,
    buildCpuMillis: wanted?.cpuMillis,
    buildMemoryMb: wanted?.memoryMb,
    buildDiskMb: wanted?.diskMb,
    buildTimeoutSec: wanted?.timeoutSeconds,
    workload: wish?.workload,
    replicas: wish?.replicas,
    cpuMillis: wish?.cpuMillis,
    memoryMb: wish?.memoryMb,
    cpuRequestMillis: wish?.cpuRequestMillis === 0 ? null : wish?.cpuRequestMillis,
    memoryRequestMb: wish?.memoryRequestMb === 0 ? null : wish?.memoryRequestMb,
    command: wish?.command && (wish.command.length > 0 ? JSON.stringify(wish.command) : null),
    healthPath: wish?.healthPath === '' ? null : wish?.healthPath,
    startTimeoutSec: wish?.startTimeoutSeconds,
    probes: json(wish?.probes),
    placement: json(wish?.placement),
    rollout: json(wish?.rollout),
    job: json(wish?.job),
    autoscaling: json(wish?.autoscaling),
  };
}

const json = (value: object | undefined) => value && JSON.stringify(value);
