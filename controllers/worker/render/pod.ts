import { createHash } from 'node:crypto';
import { labels } from '@skyarc/lib/contracts';
import type { KindTable } from '@skyarc/lib/kube';
import { labelsOf, restartAnnotation, selectorOf, templateLabel } from './labels.ts';
import { mainPortOf, type RenderOptions, type RunSpec } from './run-spec.ts';

type PodTemplate = NonNullable<KindTable['deployments']['spec']>['template'];
type Container = NonNullable<PodTemplate['spec']>['containers'][number];
type Probe = NonNullable<Container['readinessProbe']>;

export const containerName = 'app';
/** New requests stop within milliseconds of a pod's end being wanted; it goes on answering for so long. */
const drainSec = 3;
const terminationGraceSec = 30;

export function renderPodTemplate(spec: RunSpec, options: RenderOptions): PodTemplate {
  const template: PodTemplate = {
    metadata: {
      labels: { ...labelsOf(spec), [labels.versionId]: spec.version.id },
      ...(spec.restartedAt ? { annotations: { [restartAnnotation]: spec.restartedAt } } : {}),
    },
    spec: {
      serviceAccountName: spec.name,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: terminationGraceSec,
      ...(options.imagePullSecret ? { imagePullSecrets: [{ name: options.imagePullSecret }] } : {}),
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: 'kubernetes.io/hostname',
          whenUnsatisfiable: 'ScheduleAnyway',
          labelSelector: { matchLabels: selectorOf(spec) },
        },
      ],
      containers: [renderContainer(spec, options)],
    },
  };
  const digest = createHash('sha256').update(JSON.stringify(template)).digest('hex').slice(0, 16);
  return {
    ...template,
    metadata: {
      ...template.metadata,
      labels: { ...template.metadata?.labels, [templateLabel]: digest },
    },
  };
}

/** Name of the Secret with the app's environment: another content is another Secret, so old pods keep theirs. */
export function envSecretName(spec: Pick<RunSpec, 'name' | 'env'>): string {
  const digest = createHash('sha256').update(JSON.stringify(spec.env)).digest('hex').slice(0, 12);
  return `${spec.name}-env-${digest}`;
}

function renderContainer(spec: RunSpec, options: RenderOptions): Container {
  return {
    name: containerName,
    image: `${options.pullRegistry}/${spec.version.image}`,
    imagePullPolicy: 'IfNotPresent',
    ...(spec.command ? { args: [...spec.command] } : {}),
    env: renderEnv(spec),
    ...(spec.env.length > 0 ? { envFrom: [{ secretRef: { name: envSecretName(spec) } }] } : {}),
    ports: spec.ports.map(({ port }) => ({ name: `p${port}`, containerPort: port, protocol: 'TCP' })),
    resources: {
      // Apps rarely use all they may: a quarter of the processor and half of the memory is kept for each.
      requests: {
        cpu: millicores(Math.max(10, Math.ceil(spec.cpuMillis / 4))),
        memory: mebibytes(Math.max(16, Math.ceil(spec.memoryMb / 2))),
      },
      limits: { cpu: millicores(spec.cpuMillis), memory: mebibytes(spec.memoryMb) },
    },
    securityContext: {
      allowPrivilegeEscalation: false,
      privileged: false,
      capabilities: { drop: ['ALL'] },
    },
    ...renderProbes(spec),
    ...(spec.ports.length > 0 ? { lifecycle: { preStop: renderDrain(options) } } : {}),
  };
}

/** As Kubernetes writes it back, so that nothing seems to differ: whole cores without the `m`. */
function millicores(value: number): string {
  return value % 1_000 === 0 ? String(value / 1_000) : `${value}m`;
}

function mebibytes(value: number): string {
  return value % 1_024 === 0 ? `${value / 1_024}Gi` : `${value}Mi`;
}

/** Ours, beside the user's from the Secret; a PORT of the user's own wins. */
function renderEnv(spec: RunSpec): Container['env'] {
  const port = mainPortOf(spec)?.port;
  const hasOwnPort = spec.env.some((each) => each.name === 'PORT');
  return [
    ...(port && !hasOwnPort ? [{ name: 'PORT', value: String(port) }] : []),
    { name: 'SKYARC_APP', value: spec.name },
    { name: 'SKYARC_APP_ID', value: spec.id },
    { name: 'SKYARC_TEAM', value: spec.team },
    { name: 'SKYARC_VERSION', value: String(spec.version.number) },
  ];
}

function renderProbes(spec: RunSpec): Pick<Container, 'readinessProbe' | 'startupProbe'> {
  const port = mainPortOf(spec)?.port;
  if (!port) return {};
  const check: Probe = spec.healthPath
    ? { httpGet: { path: spec.healthPath, port, scheme: 'HTTP' }, timeoutSeconds: 5 }
    : { tcpSocket: { port }, timeoutSeconds: 2 };
  return {
    startupProbe: { ...check, periodSeconds: 1, failureThreshold: spec.startTimeoutSec },
    readinessProbe: { ...check, periodSeconds: 1, failureThreshold: 3 },
  };
}

/** The app is told to end only after traffic has left. */
function renderDrain({ hasSleepAction }: RenderOptions): NonNullable<Container['lifecycle']>['preStop'] {
  return hasSleepAction
    ? { sleep: { seconds: drainSec } }
    : { exec: { command: ['sleep', String(drainSec)] } };
}
