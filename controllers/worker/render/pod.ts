import { createHash } from 'node:crypto';
import { labels } from '@skyarc/lib/contracts';
import type { KindTable } from '@skyarc/lib/kube';
import { envSecretName, platformVariablesOf } from './environment.ts';
import { meshVariablesOf } from './mesh.ts';
import { labelsOf, restartAnnotation, templateLabel } from './labels.ts';
import { renderPlacement } from './placement.ts';
import { renderPlugins } from './plugins.ts';
import { renderProbes } from './probes.ts';
import { mebibytes, millicores } from './quantities.ts';
import { isJob, transportOf, type RenderOptions, type RunSpec } from './run-spec.ts';
import { renderPodVolumes } from './volumes.ts';

type PodTemplate = NonNullable<KindTable['deployments']['spec']>['template'];
type Container = NonNullable<PodTemplate['spec']>['containers'][number];

export const containerName = 'app';
/** New requests stop within milliseconds of a pod's end being wanted; it goes on answering for so long. */
const drainSec = 3;

export function renderPodTemplate(spec: RunSpec, options: RenderOptions): PodTemplate {
  const { volumes, mounts } = renderPodVolumes(spec);
  const app = renderContainer(spec, options, mounts);
  const plugins = renderPlugins(spec, options, app);
  const template: PodTemplate = {
    metadata: {
      labels: { ...spec.placement.labels, ...labelsOf(spec), [labels.versionId]: spec.version.id },
      ...(spec.restartedAt ? { annotations: { [restartAnnotation]: spec.restartedAt } } : {}),
    },
    spec: {
      serviceAccountName: spec.name,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: spec.rollout.terminationGraceSeconds,
      ...(options.imagePullSecret ? { imagePullSecrets: [{ name: options.imagePullSecret }] } : {}),
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      ...renderPlacement(spec),
      ...(isJob(spec) ? { restartPolicy: 'Never' } : {}),
      ...(plugins.initContainers.length > 0 ? { initContainers: plugins.initContainers } : {}),
      containers: [app, ...plugins.containers],
      ...(volumes.length > 0 ? { volumes } : {}),
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

function renderContainer(
  spec: RunSpec,
  options: RenderOptions,
  mounts: Container['volumeMounts'] = [],
): Container {
  return {
    name: containerName,
    image: `${options.pullRegistry}/${spec.version.image}`,
    imagePullPolicy: 'IfNotPresent',
    ...(spec.container.entrypoint ? { command: [...spec.container.entrypoint] } : {}),
    ...(spec.command ? { args: [...spec.command] } : {}),
    ...(spec.container.workingDir ? { workingDir: spec.container.workingDir } : {}),
    env: [...platformVariablesOf(spec), ...meshVariablesOf(spec, options)],
    ...(spec.env.length > 0 ? { envFrom: [{ secretRef: { name: envSecretName(spec) } }] } : {}),
    ports: spec.ports.map(({ port, protocol }) => ({
      name: `p${port}`,
      containerPort: port,
      protocol: transportOf(protocol),
    })),
    resources: {
      requests: { cpu: millicores(spec.cpuRequestMillis), memory: mebibytes(spec.memoryRequestMb) },
      limits: { cpu: millicores(spec.cpuMillis), memory: mebibytes(spec.memoryMb) },
    },
    ...(mounts.length > 0 ? { volumeMounts: mounts } : {}),
    securityContext: {
      allowPrivilegeEscalation: false,
      privileged: false,
      capabilities: { drop: ['ALL'] },
      ...userOf(spec),
    },
    ...renderProbes(spec),
    ...renderDrain(spec, options),
  };
}

function userOf({ container }: RunSpec): { runAsUser?: number; runAsGroup?: number } {
  const [user, group] = container.user?.split(':').map(Number) ?? [];
  return {
    ...(user === undefined ? {} : { runAsUser: user }),
    ...(group === undefined ? {} : { runAsGroup: group }),
  };
}

/** The app is told to end only after traffic has left. */
function renderDrain(spec: RunSpec, { hasSleepAction }: RenderOptions): Pick<Container, 'lifecycle'> {
  const seconds = Math.min(drainSec, Math.floor(spec.rollout.terminationGraceSeconds / 2));
  if (spec.ports.length === 0 || seconds === 0 || isJob(spec)) return {};
  const preStop = hasSleepAction ? { sleep: { seconds } } : { exec: { command: ['sleep', String(seconds)] } };
  return { lifecycle: { preStop } };
}
