import type { Probe as ProbeSettings } from '@skyarc/lib/contracts';
import type { KindTable } from '@skyarc/lib/kube';
import { isJob, mainPortOf, type RunSpec } from './run-spec.ts';

type PodSpec = NonNullable<NonNullable<KindTable['deployments']['spec']>['template']['spec']>;
type Container = PodSpec['containers'][number];
type Probe = NonNullable<Container['readinessProbe']>;

/** How often a starting app is asked; a command costs a process each time. */
const startPeriodSec = { HTTP: 1, TCP: 1, GRPC: 1, COMMAND: 5 } as const;

/**
 * The checks of an app's main container. Without settings: readiness by the health path or the main port,
 * and a startup probe that gives the app its whole start time, so that nothing kills a slow starter early.
 * There is no liveness probe unless one is asked for: a wrong one only ends apps that work.
 */
export function renderProbes(
  spec: RunSpec,
): Pick<Container, 'startupProbe' | 'readinessProbe' | 'livenessProbe'> {
  if (isJob(spec)) return {};
  const { startup, readiness, liveness } = spec.probes;
  const ready = readiness ? renderProbe(spec, readiness) : renderDefault(spec);
  const start = startup ? renderProbe(spec, startup) : renderStart(spec, ready, readiness?.kind);
  return {
    ...(start ? { startupProbe: start } : {}),
    ...(ready ? { readinessProbe: ready } : {}),
    ...(liveness ? { livenessProbe: renderProbe(spec, liveness) } : {}),
  };
}

/** Seconds that a new pod may take until it is ready, by its settings or its own startup probe. */
export function startLimitSecOf({ startTimeoutSec, probes: { startup } }: RunSpec): number {
  if (!startup) return startTimeoutSec;
  const { initialDelaySeconds, periodSeconds, failureThreshold, timeoutSeconds } = startup;
  return Math.max(startTimeoutSec, initialDelaySeconds + periodSeconds * failureThreshold + timeoutSeconds);
}

/** Says where a pod is asked for readiness, for a person: "at /health on port 80". */
export function readinessPlaceOf(spec: RunSpec): string {
  const { readiness } = spec.probes;
  const port = readiness?.port ?? mainPortOf(spec)?.port;
  if (readiness?.kind === 'COMMAND') return `by its command "${(readiness.command ?? []).join(' ')}"`;
  if (readiness?.kind === 'GRPC') return `by gRPC on port ${port}`;
  const path = readiness ? readiness.kind === 'HTTP' && (readiness.path ?? '/') : spec.healthPath;
  return path ? `at ${path} on port ${port}` : `on port ${port}`;
}

function renderDefault(spec: RunSpec): Probe | undefined {
  const { port, protocol } = mainPortOf(spec) ?? {};
  // Nobody answers a datagram unasked: a UDP port says nothing of readiness.
  if (!port || protocol === 'UDP') return undefined;
  const check: Probe = spec.healthPath
    ? { httpGet: { path: spec.healthPath, port, scheme: 'HTTP' }, timeoutSeconds: 5 }
    : { tcpSocket: { port }, timeoutSeconds: 2 };
  return { ...check, periodSeconds: 1, failureThreshold: 3 };
}

/** The readiness check, repeated through the whole start time. */
function renderStart(
  spec: RunSpec,
  ready: Probe | undefined,
  kind: ProbeSettings['kind'] = 'TCP',
): Probe | undefined {
  if (!ready) return undefined;
  const { initialDelaySeconds: _delay, successThreshold: _success, ...check } = ready;
  const periodSeconds = startPeriodSec[kind];
  return { ...check, periodSeconds, failureThreshold: Math.ceil(spec.startTimeoutSec / periodSeconds) };
}

function renderProbe(spec: RunSpec, probe: ProbeSettings): Probe | undefined {
  const handler = renderHandler(spec, probe);
  if (!handler) return undefined;
  const { initialDelaySeconds, periodSeconds, timeoutSeconds, successThreshold, failureThreshold } = probe;
  return {
    ...handler,
    ...(initialDelaySeconds > 0 ? { initialDelaySeconds } : {}),
    periodSeconds,
    timeoutSeconds,
    ...(successThreshold > 1 ? { successThreshold } : {}),
    failureThreshold,
  };
}

/** Undefined for a check of a port in an app that has none: nothing could answer it. */
function renderHandler(spec: RunSpec, probe: ProbeSettings): Probe | undefined {
  if (probe.kind === 'COMMAND') return { exec: { command: [...(probe.command ?? [])] } };
  const port = probe.port ?? mainPortOf(spec)?.port;
  if (!port) return undefined;
  if (probe.kind === 'TCP') return { tcpSocket: { port } };
  if (probe.kind === 'GRPC') return { grpc: { port, ...(probe.service ? { service: probe.service } : {}) } };
  const { path, headers } = probe;
  return {
    httpGet: {
      path: path ?? '/',
      port,
      scheme: 'HTTP',
      ...(headers?.length ? { httpHeaders: headers.map(({ name, value }) => ({ name, value })) } : {}),
    },
  };
}
