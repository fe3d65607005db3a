import { join } from 'node:path';
import type { PodSandboxConfig } from '../cri/types.ts';
import { hostnameOf, identityOf, specOf, type Pod, type PodIdentity } from '../pod.ts';
import { renderNamespaces, renderSeccomp } from './security.ts';

/** Labels by which the kubelet and log tools find a pod's sandboxes and containers. */
export const podLabels = {
  name: 'io.kubernetes.pod.name',
  namespace: 'io.kubernetes.pod.namespace',
  uid: 'io.kubernetes.pod.uid',
  container: 'io.kubernetes.container.name',
} as const;

export interface DnsFacts {
  readonly clusterDomain: string;
  /** Address of the cluster's DNS as pods see it. */
  readonly clusterDns: string;
  /** Of the host, without loopback servers, which a pod cannot reach. */
  readonly hostServers: readonly string[];
  readonly hostSearches: readonly string[];
}

export interface SandboxInput {
  readonly pod: Pod;
  readonly attempt: number;
  readonly podLogRoot: string;
  readonly cgroupParent: string;
  readonly dns: DnsFacts;
}

/** `<podLogRoot>/<namespace>_<name>_<uid>`, Kubernetes' layout of container logs. */
export function podLogFolder(podLogRoot: string, { namespace, name, uid }: PodIdentity): string {
  return join(podLogRoot, `${namespace}_${name}_${uid}`);
}

export function labelsOf(pod: Pod): Record<string, string> {
  const { namespace, name, uid } = identityOf(pod);
  return { [podLabels.name]: name, [podLabels.namespace]: namespace, [podLabels.uid]: uid };
}

export function renderSandbox(input: SandboxInput): PodSandboxConfig {
  const { pod, attempt } = input;
  const spec = specOf(pod);
  const identity = identityOf(pod);
  const isPrivileged = spec.containers.some((container) => container.securityContext?.privileged);
  return {
    metadata: { ...identity, attempt },
    hostname: spec.hostNetwork ? '' : hostnameOf(pod),
    logDirectory: podLogFolder(input.podLogRoot, identity),
    dnsConfig: renderDns(pod, input.dns),
    labels: { ...labelsOf(pod) },
    annotations: {},
    linux: {
      cgroupParent: input.cgroupParent,
      securityContext: {
        namespaceOptions: renderNamespaces(pod),
        privileged: isPrivileged,
        seccomp: isPrivileged ? { profileType: 'Unconfined' } : renderSeccomp(undefined),
      },
      sysctls: Object.fromEntries(
        (spec.securityContext?.sysctls ?? []).map(({ name, value }) => [name, value]),
      ),
    },
  };
}

/** resolv.conf of a pod by its dnsPolicy and dnsConfig. */
export function renderDns(pod: Pod, dns: DnsFacts): NonNullable<PodSandboxConfig['dnsConfig']> {
  const spec = specOf(pod);
  const { namespace } = identityOf(pod);
  const policy = spec.dnsPolicy ?? 'ClusterFirst';
  const isCluster = policy === 'ClusterFirstWithHostNet' || (policy === 'ClusterFirst' && !spec.hostNetwork);
  const isNone = policy === 'None';
  const own = spec.dnsConfig ?? {};
  const domain = dns.clusterDomain;
  const servers = isCluster ? [dns.clusterDns] : isNone ? [] : dns.hostServers;
  const searches = isCluster
    ? [`${namespace}.svc.${domain}`, `svc.${domain}`, domain, ...dns.hostSearches]
    : isNone
      ? []
      : dns.hostSearches;
  const options = new Map(isCluster ? [['ndots', '5']] : []);
  for (const { name, value } of own.options ?? []) if (name) options.set(name, value ?? '');
  return {
    servers: [...new Set([...servers, ...(own.nameservers ?? [])])].slice(0, 3),
    searches: [...new Set([...searches, ...(own.searches ?? [])])],
    options: [...options].map(([name, value]) => (value === '' ? name : `${name}:${value}`)),
  };
}

/** The pod's /etc/hosts, with its own name and `hostAliases`. */
export function renderHosts(pod: Pod, podIp: string, clusterDomain: string): string {
  const hostname = hostnameOf(pod);
  const { namespace } = identityOf(pod);
  const subdomain = pod.spec?.subdomain;
  const qualified = subdomain ? `${hostname}.${subdomain}.${namespace}.svc.${clusterDomain}\t` : '';
  const aliases = (pod.spec?.hostAliases ?? []).map(
    ({ ip, hostnames }) => `${ip}\t${(hostnames ?? []).join('\t')}`,
  );
  return [
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    `${podIp}\t${qualified}${hostname}`,
    ...aliases,
    '',
  ].join('\n');
}
