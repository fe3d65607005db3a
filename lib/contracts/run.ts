import { z } from 'zod';
import { appName, portNumber } from './names.ts';

/** What a running app is told beyond its numbers; stored as JSON with the app, rendered by the worker. */

export const workload = z.enum(['STATELESS', 'STATEFUL', 'JOB', 'CRON_JOB']);
export type Workload = z.infer<typeof workload>;

const seconds = (min: number, max: number) =>
  z.int().min(min, `At least ${min} seconds`).max(max, `At most ${max} seconds`);

export const httpHeader = z.object({
  name: z
    .string()
    .max(128)
    .regex(/^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/, 'is not the name of an HTTP header (RFC 9110, 5.1)'),
  value: z
    .string()
    .max(4_096)
    .regex(/^[^\p{Cc}]*$/u, 'A header value has no control characters'),
});

const argument = z
  .string()
  .max(4_096, 'An argument has at most 4096 characters')
  .refine((text) => !text.includes('\0'), 'An argument has no NUL character');

/** One check of a container, as Kubernetes probes define it (core/v1 Probe). */
export const probe = z
  .object({
    kind: z.enum(['HTTP', 'TCP', 'COMMAND', 'GRPC']),
    /** Null: the app's main port. */
    port: portNumber.nullish(),
    path: z
      .string()
      .max(1_024)
      .regex(/^\/[^\s"'`\\\p{Cc}]*$/u, 'A path begins with "/" and has no spaces or quotes')
      .nullish(),
    headers: z.array(httpHeader).max(20, 'At most 20 headers').nullish(),
    command: z.array(argument).min(1).max(50, 'At most 50 arguments').nullish(),
    /** Name in grpc.health.v1; null = the whole server. */
    service: z.string().max(253).nullish(),
    initialDelaySeconds: seconds(0, 3_600).default(0),
    periodSeconds: seconds(1, 3_600).default(3),
    timeoutSeconds: seconds(1, 600).default(5),
    successThreshold: z.int().min(1).max(20).default(1),
    failureThreshold: z.int().min(1).max(1_000).default(3),
  })
  .refine(({ kind, command }) => kind !== 'COMMAND' || command, {
    path: ['command'],
    message: 'A COMMAND probe needs a command',
  });
export type Probe = z.infer<typeof probe>;

/** `startup` holds the other two back until it succeeded once; absent ones are rendered by default rules. */
export const probes = z
  .object({ startup: probe.nullish(), readiness: probe.nullish(), liveness: probe.nullish() })
  .refine(({ startup }) => !startup || startup.successThreshold === 1, {
    path: ['startup', 'successThreshold'],
    message: 'The successThreshold of startup and liveness is 1',
  })
  .refine(({ liveness }) => !liveness || liveness.successThreshold === 1, {
    path: ['liveness', 'successThreshold'],
    message: 'The successThreshold of startup and liveness is 1',
  });
export type Probes = z.infer<typeof probes>;

/** Label syntax of Kubernetes (`[prefix/]name`). */
const labelKey = z
  .string()
  .max(317)
  .regex(
    /^([a-z0-9]([a-z0-9.-]*[a-z0-9])?\/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/,
    'is not a label key such as disk or example.com/disk',
  );
const labelValue = z
  .string()
  .max(63)
  .regex(/^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?$/, 'is not a label value');

export const nodeRule = z.object({
  key: labelKey,
  operator: z.enum(['IN', 'NOT_IN', 'EXISTS', 'NOT_EXISTS']).default('IN'),
  values: z.array(labelValue).max(50).default([]),
  /** True: only such nodes; false: rather such nodes. */
  required: z.boolean().default(true),
});

/** Where pods may stand. */
export const placement = z.object({
  nodes: z.array(nodeRule).max(20, 'At most 20 rules').default([]),
  /** Apps of the same team whose nodes are preferred, or avoided. */
  nearApps: z.array(appName).max(20).default([]),
  awayFromApps: z.array(appName).max(20).default([]),
  /** Pods of this app on different nodes where possible. */
  spread: z.boolean().default(true),
  /** Labels put on the pods; keys of Skyarc and Kubernetes are refused. */
  labels: z
    .record(labelKey, labelValue)
    .default({})
    .refine(
      (map) =>
        Object.keys(map).every((key) => !/(^|\.)(skyarc\.dev|kubernetes\.io|k8s\.io)\//.test(`.${key}`)),
      'Labels of Skyarc and Kubernetes cannot be set',
    ),
});
export type Placement = z.infer<typeof placement>;

/** How a change reaches the pods. */
export const rollout = z.object({
  /** ROLLING: new pods first, then old ones go. RECREATE: all old ones go first (for apps that cannot run twice). */
  strategy: z.enum(['ROLLING', 'RECREATE']).default('ROLLING'),
  /** Pods above the wanted number, e.g. `1` or `25%`. */
  maxSurge: z
    .string()
    .regex(/^\d{1,3}%?$/, 'is not a number or percentage such as 1 or 25%')
    .default('1'),
  maxUnavailable: z
    .string()
    .regex(/^\d{1,3}%?$/, 'is not a number or percentage such as 1 or 25%')
    .default('0'),
  /** Seconds between the wish to end and the kill; the first of them drain traffic. */
  terminationGraceSeconds: seconds(1, 3_600).default(30),
});
export type Rollout = z.infer<typeof rollout>;

/** Of JOB and CRON_JOB apps. */
export const job = z.object({
  /** Five fields (crontab(5)) or `@daily` and the like; CRON_JOB only. */
  schedule: z.string().max(100).nullish(),
  /** IANA name; null = UTC. */
  timeZone: z.string().max(64).nullish(),
  concurrency: z.enum(['ALLOW', 'FORBID', 'REPLACE']).default('FORBID'),
  suspended: z.boolean().default(false),
  completions: z.int().min(1).max(1_000).default(1),
  parallelism: z.int().min(1).max(100).default(1),
  /** Failed pods before a run counts as failed. */
  retries: z.int().min(0).max(100).default(3),
  deadlineSeconds: seconds(1, 604_800).nullish(),
  keepSucceeded: z.int().min(0).max(50).default(3),
  keepFailed: z.int().min(0).max(50).default(3),
});
export type JobSettings = z.infer<typeof job>;

export const scalingMetric = z.object({
  /** CPU, MEMORY: percent of the request. REQUEST_RATE: requests per second and pod, seen by the gateway. */
  kind: z.enum(['CPU', 'MEMORY', 'REQUEST_RATE']),
  target: z.int().min(1).max(1_000_000),
});

/** A HorizontalPodAutoscaler's worth. */
export const autoscaling = z
  .object({
    enabled: z.boolean().default(true),
    minReplicas: z.int().min(1).max(100),
    maxReplicas: z.int().min(1).max(100),
    metrics: z.array(scalingMetric).min(1, 'At least one metric').max(3),
    scaleDownDelaySeconds: seconds(0, 3_600).default(300),
  })
  .refine((one) => one.minReplicas <= one.maxReplicas, {
    path: ['minReplicas'],
    message: 'minReplicas is at most maxReplicas',
  })
  .refine((one) => new Set(one.metrics.map(({ kind }) => kind)).size === one.metrics.length, {
    path: ['metrics'],
    message: 'A metric appears twice',
  });
export type Autoscaling = z.infer<typeof autoscaling>;

/** A host outside the cluster that a third-party app stands for. */
export const externalEndpoint = z.object({
  host: z
    .string()
    .max(253)
    .regex(/^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$/, 'is not a host name or IP address'),
  port: portNumber,
});

export const externalService = z.object({
  endpoints: z.array(externalEndpoint).min(1, 'At least one endpoint').max(50, 'At most 50 endpoints'),
  /** How an endpoint is asked whether it lives; null = not asked. */
  healthCheck: probe.nullish(),
});
export type ExternalService = z.infer<typeof externalService>;

export const volumeKind = z.enum(['SHARED', 'LOCAL', 'MEMORY', 'CLASS', 'CONFIG_FILE', 'APP']);
export type VolumeKind = z.infer<typeof volumeKind>;

/** Who reads a variable: the app itself, those that depend on it (its connection information), or both. */
export const envScope = z.enum(['SELF', 'DEPENDENTS', 'BOTH']);
export type EnvScope = z.infer<typeof envScope>;

/** Prefix of the variables that a port gives to dependents: `<ALIAS>_HOST`, `<ALIAS>_PORT`. */
export const portAlias = z
  .string()
  .max(40)
  .regex(/^[A-Z][A-Z0-9_]*$/, 'A port alias has A-Z, 0-9 and "_" and begins with a letter');

/** A limit that is null is none. */
export const quota = z.object({
  cpuMillis: z.int().min(0).nullish(),
  memoryMb: z.int().min(0).nullish(),
  storageMb: z.int().min(0).nullish(),
  apps: z.int().min(0).nullish(),
});
export type Quota = z.infer<typeof quota>;

/** A field that a plug-in's version can be configured with; handed to it as an environment variable. */
export const pluginField = z.object({
  name: z
    .string()
    .max(64)
    .regex(/^[A-Z][A-Z0-9_]*$/, 'has A-Z, 0-9 and "_" and begins with a letter'),
  description: z.string().max(500).default(''),
  defaultValue: z.string().max(4_096).default(''),
  secret: z.boolean().default(false),
});
export type PluginField = z.infer<typeof pluginField>;

/** Two versions of one app beside each other: the candidate takes a share of the requests. */
export const greyRelease = z.object({
  /** Share of new visitors in percent. */
  percent: z.int().min(0).max(100),
  /** How a visitor stays where he was sent. */
  sticky: z.enum(['COOKIE', 'CLIENT_IP', 'NONE']).default('COOKIE'),
  /** Requests with this header or cookie always go to the candidate. */
  header: z.object({ name: z.string().max(128), value: z.string().max(256) }).nullish(),
  cookie: z.object({ name: z.string().max(128), value: z.string().max(256) }).nullish(),
  /** Pods of the candidate. */
  replicas: z.int().min(1).max(50).default(1),
});
export type GreyRelease = z.infer<typeof greyRelease>;

/** The port that an app is asked to listen on: the first public HTTP or gRPC one, else the first. */
export function mainPortOf<P extends { readonly protocol: string; readonly public: boolean }>(
  ports: readonly P[],
): P | undefined {
  return (
    ports.find((each) => each.public && (each.protocol === 'HTTP' || each.protocol === 'GRPC')) ?? ports[0]
  );
}

/** Annotation of a third-party app's EndpointSlice `<app>-external`: JSON of {@link externalState}. */
export const externalAnnotation = 'skyarc.dev/external';

/** What the health checks of a third-party app say, in the order of its endpoints. */
export const externalState = z.array(
  z.object({
    host: z.string(),
    port: portNumber,
    /** Null: not asked, or not yet. */
    healthy: z.boolean().nullable(),
    /** Why it is not healthy, in one sentence. */
    message: z.string().nullable(),
  }),
);
export type ExternalState = z.infer<typeof externalState>;
