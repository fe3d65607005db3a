import {
  appName,
  type AppSource,
  envName,
  envValue,
  gitRef,
  gitUrl,
  hostName,
  pathPrefix,
  portNumber,
  subdirectory,
} from '@skyarc/lib/contracts';
import { z } from 'zod';

const plainText = (max: number, what: string) =>
  z
    .string()
    .max(max, `${what} has at most ${max} characters`)
    .regex(/^\P{Cc}*$/u, `${what} has no control characters`);
const between = (min: number, max: number, what: string) =>
  z.int().min(min, `${what} is at least ${min}`).max(max, `${what} is at most ${max}`).nullish();

const groupId = z.string().regex(/^[a-z0-9-]{1,64}$/, 'is not the id of a group');
const displayName = plainText(80, 'A display name').nullish();
const replicaCount = z.int().min(1, 'At least 1 pod').max(50, 'At most 50 pods');

const source = z
  .object({
    git: z
      .object({
        url: gitUrl,
        branch: gitRef,
        subdirectory: z.union([z.literal(''), subdirectory]).nullish(),
        username: plainText(200, 'A user name').nullish(),
        password: z.string().max(4_096, 'A password has at most 4096 characters').nullish(),
      })
      .nullish(),
    template: z
      .string()
      .regex(/^[a-z][a-z0-9-]{0,40}$/, 'is not the name of a template')
      .nullish(),
  })
  .refine(({ git, template }) => (git ? 1 : 0) + (template ? 1 : 0) === 1, 'Give either git or template');

const build = z.object({
  buildpack: z
    .string()
    .regex(/^([a-z][a-z0-9-]{0,40})?$/, 'is not the name of a buildpack')
    .nullish(),
  cpuMillis: between(100, 64_000, 'CPU of a build'),
  memoryMb: between(128, 262_144, 'Memory of a build'),
  diskMb: between(256, 1_048_576, 'Disk of a build'),
  timeoutSeconds: between(30, 14_400, 'Time of a build'),
});

const run = z.object({
  workload: z.enum(['STATELESS', 'STATEFUL']).nullish(),
  replicas: replicaCount.nullish(),
  cpuMillis: between(10, 64_000, 'CPU of a pod'),
  memoryMb: between(16, 262_144, 'Memory of a pod'),
  command: z
    .array(
      z
        .string()
        .max(4_096, 'An argument has at most 4096 characters')
        .refine((text) => !text.includes('\0'), 'An argument has no NUL character'),
    )
    .max(100, 'A command has at most 100 arguments')
    .nullish(),
  healthPath: z.union([z.literal(''), pathPrefix]).nullish(),
  startTimeoutSeconds: between(5, 3_600, 'Time to start'),
});

const env = z
  .array(z.object({ name: envName, value: envValue.nullish(), secret: z.boolean().nullish() }))
  .max(500, 'At most 500 variables')
  .refine((list) => new Set(list.map((one) => one.name)).size === list.length, 'A name appears twice');

const ports = z
  .array(
    z.object({
      port: portNumber,
      protocol: z.enum(['HTTP', 'TCP']).nullish(),
      public: z.boolean().nullish(),
    }),
  )
  .max(50, 'At most 50 ports')
  .refine((list) => new Set(list.map((one) => one.port)).size === list.length, 'A port appears twice');

const routes = z
  .array(z.object({ host: hostName, path: pathPrefix.nullish(), port: portNumber }))
  .max(100, 'At most 100 routes');

export const inputs = {
  createApp: z.object({
    groupId,
    name: appName,
    displayName,
    source,
    build: build.nullish(),
    run: run.nullish(),
    env: env.nullish(),
    ports: ports.nullish(),
  }),
  updateApp: z.object({
    groupId: groupId.nullish(),
    displayName,
    source: source.nullish(),
    build: build.nullish(),
    run: run.nullish(),
    env: env.nullish(),
    ports: ports.nullish(),
    routes: routes.nullish(),
  }),
  replicas: replicaCount,
};
export type CheckedSource = z.output<typeof source>;
export type CheckedUpdate = z.output<typeof inputs.updateApp>;

/** The source as it is stored, without its credentials. */
export function appSourceOf({ git, template }: CheckedSource): AppSource {
  if (!git) return { kind: 'TEMPLATE', template: template ?? '' };
  const { url, branch } = git;
  return { kind: 'GIT', url, branch, ...(git.subdirectory ? { subdirectory: git.subdirectory } : {}) };
}

/** Columns of build and run settings; only those that were given. */
export function settingColumns({ build, run }: Pick<CheckedUpdate, 'build' | 'run'>) {
  return {
    buildpack: build?.buildpack === '' ? null : (build?.buildpack ?? undefined),
    buildCpuMillis: build?.cpuMillis ?? undefined,
    buildMemoryMb: build?.memoryMb ?? undefined,
    buildDiskMb: build?.diskMb ?? undefined,
    buildTimeoutSec: build?.timeoutSeconds ?? undefined,
    workload: run?.workload ?? undefined,
    replicas: run?.replicas ?? undefined,
    cpuMillis: run?.cpuMillis ?? undefined,
    memoryMb: run?.memoryMb ?? undefined,
    command: run?.command ? (run.command.length > 0 ? JSON.stringify(run.command) : null) : undefined,
    healthPath: run?.healthPath === '' ? null : (run?.healthPath ?? undefined),
    startTimeoutSec: run?.startTimeoutSeconds ?? undefined,
  };
}
