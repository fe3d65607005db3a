import { createHash } from 'node:crypto';
import type { KindTable } from '@skyarc/lib/kube';
import { labelsOf } from './labels.ts';
import { mebibytes, millicores } from './quantities.ts';
import type { PluginSpec, RenderOptions, RunSpec } from './run-spec.ts';

type PodSpec = NonNullable<NonNullable<KindTable['deployments']['spec']>['template']['spec']>;
type Container = PodSpec['containers'][number];

/** What a plug-in's container shares with the app's. */
type Shared = Pick<Container, 'env' | 'envFrom' | 'volumeMounts'>;

/**
 * Containers of the plug-ins, in their order: INIT ones run to their end before the app starts; SIDE_CAR ones
 * start before it and end after it where the cluster knows restartable init containers, else beside it.
 */
export function renderPlugins(
  spec: RunSpec,
  options: RenderOptions,
  shared: Shared,
): { initContainers: Container[]; containers: Container[] } {
  const rendered = spec.plugins.map((plugin) => ({
    plugin,
    container: renderContainer(spec, options, plugin, shared),
  }));
  const isInit = ({ plugin }: { plugin: PluginSpec }) => plugin.kind === 'INIT' || options.hasSidecars;
  return {
    initContainers: rendered
      .filter(isInit)
      .map(({ plugin, container }) =>
        plugin.kind === 'INIT' ? container : { ...container, restartPolicy: 'Always' },
      ),
    containers: rendered.filter((one) => !isInit(one)).map(({ container }) => container),
  };
}

/** A Secret with the values of each plug-in's fields; another content is another Secret, so old pods keep theirs. */
export function renderPluginSecrets(spec: RunSpec): KindTable['secrets'][] {
  return spec.plugins
    .filter(({ config }) => config.length > 0)
    .map((plugin) => ({
      metadata: { name: secretName(spec, plugin), namespace: spec.namespace, labels: labelsOf(spec) },
      type: 'Opaque',
      immutable: true,
      data: Object.fromEntries(
        plugin.config.map(({ name, value }) => [name, Buffer.from(value).toString('base64')]),
      ),
    }));
}

function renderContainer(
  spec: RunSpec,
  { pullRegistry }: RenderOptions,
  plugin: PluginSpec,
  { env, envFrom = [], volumeMounts = [] }: Shared,
): Container {
  const { cpuMillis, memoryMb, command, config } = plugin;
  const limits = { cpu: millicores(cpuMillis), memory: mebibytes(memoryMb) };
  // Its own fields come last, so that they win over the app's variables.
  const sources = [
    ...envFrom,
    ...(config.length > 0 ? [{ secretRef: { name: secretName(spec, plugin) } }] : []),
  ];
  return {
    name: `plugin-${plugin.name}`,
    image: plugin.isBuilt ? `${pullRegistry}/${plugin.image}` : plugin.image,
    imagePullPolicy: 'IfNotPresent',
    ...(command ? { args: [...command] } : {}),
    env,
    ...(sources.length > 0 ? { envFrom: sources } : {}),
    resources: { requests: limits, limits },
    ...(volumeMounts.length > 0 ? { volumeMounts } : {}),
    securityContext: {
      allowPrivilegeEscalation: false,
      privileged: false,
      capabilities: { drop: ['ALL'] },
    },
  };
}

function secretName(spec: RunSpec, { name, config }: PluginSpec): string {
  const digest = createHash('sha256').update(JSON.stringify(config)).digest('hex').slice(0, 12);
  return `${spec.name}-plugin-${name}-${digest}`;
}
