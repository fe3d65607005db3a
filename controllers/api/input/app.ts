import {
  appName,
  type AppSource,
  externalService,
  gitRef,
  gitUrl,
  subdirectory,
} from '@skyarc/lib/contracts';
import { z } from 'zod';
import { l4Routes, ports, routes } from './network.ts';
import { replicaCount, run } from './run.ts';
import { appPlugins, dependencyIds, variables } from './team.ts';
import { between, groupId, plainText } from './text.ts';
import { volumes } from './volume.ts';

const displayName = plainText(80, 'A display name').optional();

const source = z
  .object({
    git: z
      .object({
        url: gitUrl,
        branch: gitRef,
        subdirectory: z.union([z.literal(''), subdirectory]).optional(),
        username: plainText(200, 'A user name').optional(),
        password: z.string().max(4_096, 'A password has at most 4096 characters').optional(),
      })
      .optional(),
    template: z
      .string()
      .regex(/^[a-z][a-z0-9-]{0,40}$/, 'is not the name of a template')
      .optional(),
    external: externalService.optional(),
  })
  .refine(
    (given) => [given.git, given.template, given.external].filter(Boolean).length === 1,
    'Give either git or template, or external',
  );

const build = z.object({
  buildpack: z
    .string()
    .regex(/^([a-z][a-z0-9-]{0,40})?$/, 'is not the name of a buildpack')
    .optional(),
  cpuMillis: between(100, 64_000, 'CPU of a build').optional(),
  memoryMb: between(128, 262_144, 'Memory of a build').optional(),
  diskMb: between(256, 1_048_576, 'Disk of a build').optional(),
  timeoutSeconds: between(30, 14_400, 'Time of a build').optional(),
});

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
export type CheckedSource = z.output<typeof source>;
export type CheckedUpdate = z.output<typeof inputs.updateApp>;

/** The source as it is stored, without its credentials. */
export function appSourceOf({ git, template, external }: CheckedSource): AppSource {
  if (external) return { kind: 'EXTERNAL', ...external };
  if (!git) return { kind: 'TEMPLATE', template: template ?? '' };
  const { url, branch } = git;
  return { kind: 'GIT', url, branch, ...(git.subdirectory ? { subdirectory: git.subdirectory } : {}) };
}

/** Columns of build and run settings; only those that were given. */
export function settingColumns({ build: wanted, run: wish }: Pick<CheckedUpdate, 'build' | 'run'>) {
  return {
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
