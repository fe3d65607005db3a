import { z } from 'zod';

/** What machines of a data centre are for. */
export const nodeRoles = ['MANAGE', 'COMPUTE', 'GATEWAY', 'STORAGE'] as const;
export const nodeRole = z.enum(nodeRoles);
export type NodeRole = z.infer<typeof nodeRole>;

/** Label of a Kubernetes Node for each role that the machine has; its value is `true`. */
export function roleLabelOf(role: NodeRole): string {
  return `skyarc.dev/role-${role.toLowerCase()}`;
}

/** Taint (NoSchedule) of a Kubernetes Node that has not the role COMPUTE; on its pods it does nothing. */
export const noComputeTaint = 'skyarc.dev/no-compute';

/** Namespace of what belongs to the platform and to no team. */
export const systemNamespace = 'skyarc-system';

/** Lease of the agent that leads; its holder is `<machine>_<random>`. */
export const masterLease = 'skyarc-node-master';
/** On the ConfigMap in which a machine's agent reports; its value is the machine's name. */
export const agentLabel = 'skyarc.dev/agent';
/** Key of the report (NodeReport as JSON) in that ConfigMap. */
export const reportKey = 'report';
/** On the same ConfigMap: what the master says of the machine (NodeVerdict as JSON). */
export const verdictAnnotation = 'skyarc.dev/node-verdict';
/** On a Kubernetes Node: it is to be drained (DrainRequest as JSON). Its removal ends the draining. */
export const drainAnnotation = 'skyarc.dev/drain';
/** On a Kubernetes Node: how far that is (DrainProgress as JSON). */
export const drainProgressAnnotation = 'skyarc.dev/drain-progress';

export function agentObjectName(node: string): string {
  return `node-${node}`;
}

/** One thing that an agent did or saw, for people. */
export const nodeRecordEntry = z.object({
  /** RFC 3339. */
  at: z.string(),
  /** Name of the service, or `disk`. */
  subject: z.string(),
  what: z.enum(['UNHEALTHY', 'RESTARTED', 'RESTART_FAILED', 'RECOVERED', 'CLEANED', 'CLEAN_FAILED']),
  why: z.string(),
});
export type NodeRecordEntry = z.infer<typeof nodeRecordEntry>;

export const nodeServiceState = z.object({
  name: z.string(),
  healthy: z.boolean(),
  message: z.string().nullable(),
  checkedAt: z.string(),
  restarts: z.number().int(),
});
export type NodeServiceState = z.infer<typeof nodeServiceState>;

export const nodeCondition = z.object({
  type: z.enum(['DISK_PRESSURE', 'MEMORY_PRESSURE', 'LOAD_PRESSURE', 'SERVICES_UNHEALTHY']),
  /** True: there is something to do. */
  active: z.boolean(),
  message: z.string(),
  since: z.string(),
});
export type NodeCondition = z.infer<typeof nodeCondition>;

/** What an agent tells of its machine with every heartbeat. */
export const nodeReport = z.object({
  name: z.string(),
  /** RFC 3339, by the machine's own clock. */
  at: z.string(),
  startedAt: z.string(),
  heartbeatMs: z.number(),
  roles: z.array(nodeRole),
  /** Base address of the agent's status server. */
  url: z.string(),
  /** Where the machine's figures are (Prometheus text format); null while there is no exporter. */
  exporterUrl: z.string().nullable(),
  machine: z.object({
    cpus: z.number(),
    load1: z.number(),
    memoryBytes: z.number(),
    memoryUsedBytes: z.number(),
    diskBytes: z.number(),
    diskUsedBytes: z.number(),
    kernel: z.string(),
    os: z.string(),
    architecture: z.string(),
    uptimeSeconds: z.number(),
  }),
  conditions: z.array(nodeCondition),
  services: z.array(nodeServiceState),
  /** Newest first. */
  record: z.array(nodeRecordEntry),
});
export type NodeReport = z.infer<typeof nodeReport>;

/** What the master says of a machine. */
export const nodeVerdict = z.object({
  state: z.enum(['ONLINE', 'UNHEALTHY', 'OFFLINE']),
  reason: z.string().nullable(),
  since: z.string(),
});
export type NodeVerdict = z.infer<typeof nodeVerdict>;

export const drainRequest = z.object({
  /** RFC 3339. */
  at: z.string(),
  by: z.string(),
});
export type DrainRequest = z.infer<typeof drainRequest>;

export const drainProgress = z.object({
  /** Of the request that this is about. */
  at: z.string(),
  phase: z.enum(['DRAINING', 'WAITING', 'DRAINED']),
  /** Pods that are still there and have to go. */
  remaining: z.number().int(),
  /** What is waited for, one sentence each. */
  blockers: z.array(z.string()),
  finishedAt: z.string().nullable(),
});
export type DrainProgress = z.infer<typeof drainProgress>;

/** What a service's status server answers to `POST /clean`, which gives back disk that it can do without. */
export const cleaned = z.object({ freedBytes: z.number() });
export type Cleaned = z.infer<typeof cleaned>;

/** Of a text that somebody else wrote; null when it is absent or of another shape. */
export function parseStored<Schema extends z.ZodType>(
  schema: Schema,
  text: string | undefined,
): z.output<Schema> | null {
  try {
    return text === undefined ? null : (schema.safeParse(JSON.parse(text)).data ?? null);
  } catch {
    return null;
  }
}
