import { AppError } from '@skyarc/lib/errors';
import type { KindTable } from '../../client/index.ts';
import { identityOf, type Pod, type PodContainer } from '../pod.ts';
import { parseQuantity } from '../../client/quantity.ts';

/** What env and volumes are filled from; null when the object does not exist. */
export interface Lookups {
  configMap(namespace: string, name: string): Promise<KindTable['configmaps'] | null>;
  secret(namespace: string, name: string): Promise<KindTable['secrets'] | null>;
}

/** The node's part of downward values. */
export interface NodeFacts {
  readonly name: string;
  readonly address: string;
  /** Allocatable: the value of a limit that is not set. */
  readonly cpus: number;
  readonly memoryBytes: number;
}

export interface EnvironmentInput {
  readonly pod: Pod;
  readonly container: PodContainer;
  readonly podIp: string;
  readonly node: NodeFacts;
  readonly lookups: Lookups;
  /** Known before anything else. */
  readonly inherited?: ReadonlyMap<string, string>;
}

/**
 * The environment of a container, in order: `envFrom`, then `env` with `$(VAR)` of earlier names expanded.
 * Throws INVALID when something that is not optional is missing.
 */
export async function resolveEnvironment(input: EnvironmentInput): Promise<Map<string, string>> {
  const { pod, container, lookups } = input;
  const { namespace } = identityOf(pod);
  const environment = new Map<string, string>(input.inherited);
  for (const source of container.envFrom ?? []) {
    const data = await readEnvFrom(source, namespace, lookups);
    for (const [key, value] of Object.entries(data)) {
      const name = `${source.prefix ?? ''}${key}`;
      if (name !== '' && !name.includes('=')) environment.set(name, value);
    }
  }
  for (const { name, value, valueFrom } of container.env ?? []) {
    const resolved = valueFrom ? await readValueFrom(input, valueFrom) : expand(value ?? '', environment);
    if (resolved !== undefined) environment.set(name, resolved);
  }
  return environment;
}

type EnvFrom = NonNullable<PodContainer['envFrom']>[number];
type ValueFrom = NonNullable<NonNullable<PodContainer['env']>[number]['valueFrom']>;

async function readEnvFrom(
  source: EnvFrom,
  namespace: string,
  lookups: Lookups,
): Promise<Record<string, string>> {
  const reference = source.configMapRef ?? source.secretRef;
  if (!reference?.name) return {};
  if (source.configMapRef) {
    const found = await lookups.configMap(namespace, reference.name);
    if (!found && !reference.optional) throw notFound('configmap', reference.name);
    return found?.data ?? {};
  }
  const found = await lookups.secret(namespace, reference.name);
  if (!found && !reference.optional) throw notFound('secret', reference.name);
  return Object.fromEntries(Object.entries(found?.data ?? {}).map(([key, value]) => [key, decode(value)]));
}

async function readValueFrom(input: EnvironmentInput, from: ValueFrom): Promise<string | undefined> {
  const { namespace } = identityOf(input.pod);
  if (from.fieldRef) return readField(input, from.fieldRef.fieldPath);
  if (from.resourceFieldRef) return readResource(input, from.resourceFieldRef);
  const reference = from.configMapKeyRef ?? from.secretKeyRef;
  if (!reference?.name) return undefined;
  const kind = from.configMapKeyRef ? 'configmap' : 'secret';
  const value = from.configMapKeyRef
    ? (await input.lookups.configMap(namespace, reference.name))?.data?.[reference.key]
    : (await input.lookups.secret(namespace, reference.name))?.data?.[reference.key];
  if (value === undefined) {
    if (reference.optional) return undefined;
    throw new AppError(
      'INVALID',
      `couldn't find key ${reference.key} in ${kind} ${namespace}/${reference.name}`,
    );
  }
  return kind === 'secret' ? decode(value) : value;
}

/** A downward API field (`metadata.labels['app']`, `status.podIP`, ...). Throws INVALID for an unknown one. */
export function readField(input: Omit<EnvironmentInput, 'container' | 'lookups'>, path: string): string {
  const { pod, podIp, node } = input;
  const keyed = /^metadata\.(labels|annotations)(?:\['([^']+)'\])?$/.exec(path);
  if (keyed) {
    const map = (keyed[1] === 'labels' ? pod.metadata?.labels : pod.metadata?.annotations) ?? {};
    return keyed[2] === undefined ? formatMap(map) : (map[keyed[2]] ?? '');
  }
  const known: Record<string, string | undefined> = {
    'metadata.name': pod.metadata?.name,
    'metadata.namespace': pod.metadata?.namespace,
    'metadata.uid': pod.metadata?.uid,
    'spec.nodeName': node.name,
    'spec.serviceAccountName': pod.spec?.serviceAccountName ?? 'default',
    'status.hostIP': node.address,
    'status.hostIPs': node.address,
    'status.podIP': podIp,
    'status.podIPs': podIp,
  };
  const value = known[path];
  if (value === undefined) throw new AppError('INVALID', `field path "${path}" is not supported`);
  return value;
}

type ResourceReference = NonNullable<ValueFrom['resourceFieldRef']>;

/** A limit or request of a container, divided and rounded up as Kubernetes does. */
export function readResource(
  input: { pod: Pod; container?: PodContainer; node: NodeFacts },
  reference: ResourceReference,
): string {
  const container =
    input.container && !reference.containerName
      ? input.container
      : input.pod.spec?.containers.find(({ name }) => name === reference.containerName);
  const [list = '', ...rest] = reference.resource.split('.');
  const name = rest.join('.');
  const { limits = {}, requests = {} } = container?.resources ?? {};
  const capacity: Record<string, number> = { cpu: input.node.cpus, memory: input.node.memoryBytes };
  const text = list === 'limits' ? limits[name] : (requests[name] ?? limits[name]);
  const value = text === undefined ? (list === 'limits' ? (capacity[name] ?? 0) : 0) : parseQuantity(text);
  const divisor = parseQuantity(reference.divisor ?? '1') || 1;
  return String(Math.ceil(Number((value / divisor).toFixed(9))));
}

/** `$(NAME)` becomes its value, `$$` a single `$`; an unknown name stays as written (k8s.io/kubernetes expansion). */
export function expand(text: string, environment: ReadonlyMap<string, string>): string {
  return text.replace(/\$(?:\$|\(([^()]*)\))/g, (whole, name: string | undefined) =>
    name === undefined ? '$' : (environment.get(name) ?? whole),
  );
}

function formatMap(map: Record<string, string>): string {
  return Object.entries(map)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join('\n');
}

function decode(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}

function notFound(kind: string, name: string): AppError {
  return new AppError('INVALID', `${kind} "${name}" not found`);
}
