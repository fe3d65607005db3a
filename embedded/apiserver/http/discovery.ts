import type { JsonObject } from '../object.ts';
import type { Served } from '../served.ts';
import { reviews } from './reviews.ts';

/** The Kubernetes version whose API this server follows. */
export const versionInfo = {
  major: '1',
  minor: '32',
  gitVersion: 'v1.32.0+skyarc',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: '',
  compiler: 'node',
  platform: 'linux/amd64',
};

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

/** Verbs and kinds of subresources that are not simply another view of their object. */
const subresourceKinds: Readonly<
  Record<string, { kind: string; group?: string; version?: string; verbs: string[] }>
> = {
  scale: { kind: 'Scale', group: 'autoscaling', version: 'v1', verbs: ['get', 'patch', 'update'] },
  finalize: { kind: 'Namespace', verbs: ['update'] },
  log: { kind: 'Pod', verbs: ['get'] },
  exec: { kind: 'PodExecOptions', verbs: ['create', 'get'] },
  attach: { kind: 'PodAttachOptions', verbs: ['create', 'get'] },
  portforward: { kind: 'PodPortForwardOptions', verbs: ['create', 'get'] },
  eviction: { kind: 'Eviction', group: 'policy', version: 'v1', verbs: ['create'] },
  binding: { kind: 'Binding', verbs: ['create'] },
  token: { kind: 'TokenRequest', group: 'authentication.k8s.io', version: 'v1', verbs: ['create'] },
};

/** The discovery document at a path; undefined for a path that is none. Aggregated APIs list their resources themselves. */
export function discoveryAt(
  path: string,
  served: readonly Served[],
  aggregated: readonly GroupVersion[],
): JsonObject | undefined {
  const versions = groupVersions([...served, ...reviews, ...aggregated]);
  if (path === '/api') return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };
  if (path === '/apis') {
    const groups = [...versions.keys()]
      .filter((group) => group !== '')
      .map((group) => groupOf(group, versions));
    return { kind: 'APIGroupList', apiVersion: 'v1', groups };
  }
  const [root, group, version, ...rest] = path.split('/').slice(1);
  if (rest.length > 0) return undefined;
  if (root === 'api' && group === 'v1' && version === undefined) return resourceList('', 'v1', served);
  if (root !== 'apis' || !group || !versions.has(group)) return undefined;
  if (version === undefined) return { kind: 'APIGroup', apiVersion: 'v1', ...groupOf(group, versions) };
  return versions.get(group)?.includes(version) ? resourceList(group, version, served) : undefined;
}

interface GroupVersion {
  readonly group: string;
  readonly version: string;
}

function groupVersions(all: readonly GroupVersion[]): Map<string, string[]> {
  const groups = Map.groupBy(all, (each) => each.group);
  return new Map(
    [...groups].map(([group, members]) => [group, [...new Set(members.map((each) => each.version))]]),
  );
}

function groupOf(name: string, versions: ReadonlyMap<string, string[]>): JsonObject {
  const list = (versions.get(name) ?? []).map((version) => ({ groupVersion: `${name}/${version}`, version }));
  return { name, versions: list, preferredVersion: list[0] };
}

function resourceList(group: string, version: string, served: readonly Served[]): JsonObject {
  const groupVersion = group ? `${group}/${version}` : version;
  const stored = served
    .filter((each) => each.group === group && each.version === version)
    .flatMap(({ kind }) => [
      {
        name: kind.plural,
        singularName: kind.singular,
        namespaced: kind.namespaced,
        kind: kind.kind,
        verbs,
        shortNames: kind.shortNames.length > 0 ? kind.shortNames : undefined,
        categories: kind.categories.length > 0 ? kind.categories : undefined,
      },
      ...kind.subresources.map((name) => ({
        name: `${kind.plural}/${name}`,
        singularName: '',
        namespaced: kind.namespaced,
        ...(subresourceKinds[name] ?? { kind: kind.kind, verbs: ['get', 'patch', 'update'] }),
      })),
    ]);
  const asked = reviews
    .filter((each) => each.group === group && each.version === version)
    .map((each) => ({
      name: each.plural,
      singularName: each.kind.toLowerCase(),
      namespaced: false,
      kind: each.kind,
      verbs: ['create'],
    }));
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources: [...stored, ...asked] };
}
