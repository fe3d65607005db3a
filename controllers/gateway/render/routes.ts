import { certificateOf } from './certificates.ts';
import { BackendIndex } from './backends.ts';
import { selectIngresses } from './classes.ts';
import type { Backend, Certificate, GatewayModel, GatewayObjects, Problem, Route } from './model.ts';

type Ingress = GatewayObjects['ingresses'][number];

/**
 * What the gateway serves, from the objects of a cluster (networking.k8s.io/v1): ImplementationSpecific
 * paths are prefixes; the oldest Ingress keeps a host and path that several claim.
 */
export function renderModel(objects: GatewayObjects, ingressClass: string): GatewayModel {
  const builder = new ModelBuilder(objects);
  const ingresses = selectIngresses(objects, ingressClass);
  for (const ingress of ingresses) builder.addRules(ingress);
  // Default backends take what no rule takes, wherever it stands.
  for (const ingress of ingresses) builder.addDefaultBackend(ingress);
  for (const ingress of ingresses) builder.addCertificates(ingress);
  return builder.finish(ingresses);
}

class ModelBuilder {
  private readonly routes = new Map<string, Route>();
  private readonly owners = new Map<string, Ingress>();
  private readonly namespacesOfHost = new Map<string, Set<string>>();
  private readonly backends = new Map<string, Backend>();
  private readonly certificates = new Map<string, Certificate>();
  private readonly problems: Problem[] = [];
  private readonly index: BackendIndex;
  private readonly secrets: Map<string, GatewayObjects['secrets'][number]>;

  constructor(objects: GatewayObjects) {
    this.index = new BackendIndex(objects);
    this.secrets = new Map(
      objects.secrets.map((secret) => [`${secret.metadata?.namespace}/${secret.metadata?.name}`, secret]),
    );
  }

  addRules(ingress: Ingress): void {
    for (const rule of ingress.spec?.rules ?? []) {
      const host = rule.host ?? '';
      if (!isHost(host)) {
        this.report(ingress, 'InvalidHost', `"${host}" is not a host name`);
        continue;
      }
      for (const { path = '/', pathType, backend } of rule.http?.paths ?? []) {
        if (!isPath(path)) {
          this.report(
            ingress,
            'InvalidPath',
            `"${path}" of host "${host}" is not an absolute, normal URL path`,
          );
          continue;
        }
        const exact = pathType === 'Exact';
        const match = exact ? 'exact' : 'prefix';
        this.addRoute(
          ingress,
          { host, match, path: exact ? path : path.replace(/\/+$/, '') },
          backend.service,
        );
      }
    }
  }

  addDefaultBackend(ingress: Ingress): void {
    const service = ingress.spec?.defaultBackend?.service;
    if (service && !this.routes.has(routeKey({ host: '', match: 'prefix', path: '' }))) {
      this.addRoute(ingress, { host: '', match: 'prefix', path: '' }, service);
    }
  }

  addCertificates(ingress: Ingress): void {
    const ruleHosts = (ingress.spec?.rules ?? []).map((rule) => rule.host ?? '');
    for (const { secretName, hosts } of ingress.spec?.tls ?? []) {
      if (!secretName) continue;
      const certificate = certificateOf(this.secrets.get(`${ingress.metadata?.namespace}/${secretName}`));
      if (typeof certificate === 'string') {
        this.report(ingress, 'InvalidCertificate', `secret "${secretName}" ${certificate}`);
        continue;
      }
      for (const host of hosts?.length ? hosts : ruleHosts) {
        // A name is secured by those who route it: a stranger cannot replace a neighbour's certificate.
        if (host && isHost(host) && this.mayName(ingress, host) && !this.certificates.has(host)) {
          this.certificates.set(host, certificate);
        }
      }
    }
  }

  finish(ingresses: readonly Ingress[]): GatewayModel {
    return {
      ingresses,
      routes: [...this.routes.values()],
      backends: this.backends,
      certificates: this.certificates,
      problems: this.problems,
    };
  }

  private addRoute(
    ingress: Ingress,
    place: Omit<Route, 'backend'>,
    service: Parameters<BackendIndex['resolve']>[1],
  ): void {
    const key = routeKey(place);
    const owner = this.owners.get(key);
    const shown = `${place.host || '*'}${place.path || '/'}`;
    if (owner) {
      const other = `${owner.metadata?.namespace}/${owner.metadata?.name}`;
      this.report(ingress, 'Conflict', `${shown} is routed by the older Ingress ${other} already`);
      return;
    }
    this.owners.set(key, ingress);
    const namespaces = this.namespacesOfHost.get(place.host) ?? new Set();
    this.namespacesOfHost.set(place.host, namespaces.add(ingress.metadata?.namespace ?? ''));
    const backend = this.index.resolve(ingress.metadata?.namespace ?? '', service);
    if (typeof backend === 'string') {
      this.report(ingress, 'InvalidBackend', `${shown} leads nowhere: ${backend}`);
      // The place stays taken and answers 503: it must not fall through to somebody else's route.
      this.routes.set(key, { ...place, backend: '' });
      return;
    }
    this.routes.set(key, { ...place, backend: backend.key });
    this.backends.set(backend.key, backend.backend);
  }

  private mayName(ingress: Ingress, host: string): boolean {
    const namespaces = this.namespacesOfHost.get(host);
    return !namespaces || namespaces.has(ingress.metadata?.namespace ?? '');
  }

  private report(ingress: Ingress, reason: Problem['reason'], message: string): void {
    this.problems.push({ ingress, reason, message });
  }
}

function routeKey({ host, match, path }: Omit<Route, 'backend'>): string {
  return `${host} ${match} ${path}`;
}

/** RFC 1123 subdomain, `*.` and one, or nothing for any host. */
function isHost(host: string): boolean {
  return (
    host.length <= 253 &&
    /^((\*\.)?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*)?$/.test(host)
  );
}

/** Absolute and as nginx would normalise it: without `//`, `/./`, `/../`, escapes of those, or controls. */
function isPath(path: string): boolean {
  return path.length <= 2_048 && /^\/[^\s\p{Cc}?#]*$/u.test(path) && !/\/\/|\/\.{1,2}(\/|$)|%2f/i.test(path);
}
