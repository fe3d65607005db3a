import type { L4Port } from '@skyarc/lib/contracts';
import { keyOf } from '@skyarc/lib/kube';
import type { GatewaySettings } from '../config.ts';
import { addressOf, endpointsOf, resolveBackend } from './backends.ts';
import { certificateOf } from './certificates.ts';
import { ownership } from './classes.ts';
import { renderHost } from './hosts.ts';
import { readIngress } from './ingress.ts';
import { l4Key, readL4 } from './l4.ts';
import type {
  BackendRef,
  Claimant,
  EndpointSlice,
  Ingress,
  IngressClass,
  Problem,
  Secret,
  Service,
} from './model.ts';
import { Outputs, type Rendered, type Use } from './outputs.ts';
import { renderPolicy } from './policy.ts';

type PlaneSettings = Pick<
  GatewaySettings,
  'ingressClass' | 'reachesServices' | 'l4Ports' | 'maxBodyBytes' | 'httpsPort' | 'publicHttpsPort'
>;
const nothing = { value: undefined, problems: [] } as const;

/**
 * What the gateway serves, from the objects of a cluster as they come and go. Outputs by key: those of
 * nginx/lua/store.lua; `l4:<protocol>-<port>`, lines of endpoints; `i:` and `svc:`, problems of an object alone.
 */
export class Plane {
  readonly outputs: Outputs<Problem>;
  private readonly settings: PlaneSettings;
  private readonly ingresses = new Map<string, Ingress>();
  private readonly classes = new Map<string, IngressClass>();
  private readonly services = new Map<string, Service>();
  private readonly slices = new Map<string, Map<string, EndpointSlice>>();
  private readonly secrets = new Map<string, Secret>();
  private readonly claimants = new Map<string, Claimant>();
  private readonly byHost = new Map<string, Set<Claimant>>();
  private readonly byTlsHost = new Map<string, Set<Claimant>>();
  private readonly byToken = new Map<string, Set<Claimant>>();
  private readonly l4 = new Map<string, readonly L4Port[]>();
  private readonly byPort = new Map<string, Set<string>>();
  /** Backends by the output that leads to them, and how many do. */
  private readonly backendsOf = new Map<string, Set<string>>();
  private readonly references = new Map<string, number>();
  private isOurs: (ingress: Ingress) => boolean;

  constructor(settings: PlaneSettings) {
    this.settings = settings;
    this.isOurs = ownership([], settings.ingressClass);
    this.outputs = new Outputs((key, use) => this.render(key, use));
  }

  /** Ingresses of our class. */
  get ours(): Iterable<Claimant> {
    return this.claimants.values();
  }

  /** Whether an Ingress is of our class. */
  serves(key: string): boolean {
    return this.claimants.has(key);
  }

  putIngressClass(now: IngressClass | undefined, before: IngressClass | undefined): void {
    replace(this.classes, now, before);
    this.isOurs = ownership(this.classes.values(), this.settings.ingressClass);
    for (const ingress of this.ingresses.values()) {
      if (this.isOurs(ingress) !== this.claimants.has(keyOf(ingress))) this.claim(ingress, ingress);
    }
  }

  putIngress(now: Ingress | undefined, before: Ingress | undefined): void {
    replace(this.ingresses, now, before);
    this.claim(now, before);
  }

  putService(now: Service | undefined, before: Service | undefined): void {
    const key = replace(this.services, now, before);
    this.outputs.touch(`service:${key}`);
    const ports = now ? readL4(now, this.settings.l4Ports).ports : [];
    const known = this.l4.get(key) ?? [];
    if (ports.length > 0) this.l4.set(key, ports);
    else this.l4.delete(key);
    for (const port of known) remove(this.byPort, l4Key(port), key);
    for (const port of ports) add(this.byPort, l4Key(port), key);
    for (const port of [...known, ...ports]) this.outputs.mark(l4Key(port));
    this.outputs.mark(`svc:${key}`);
  }

  putSlice(now: EndpointSlice | undefined, before: EndpointSlice | undefined): void {
    const [left, joined] = [serviceOf(before), serviceOf(now)];
    if (before && left) {
      this.slices.get(left)?.delete(keyOf(before));
      if (this.slices.get(left)?.size === 0) this.slices.delete(left);
      this.outputs.touch(`slices:${left}`);
    }
    if (now && joined) {
      const known = this.slices.get(joined) ?? new Map<string, EndpointSlice>();
      this.slices.set(joined, known.set(keyOf(now), now));
      this.outputs.touch(`slices:${joined}`);
    }
  }

  putSecret(now: Secret | undefined, before: Secret | undefined): void {
    this.outputs.touch(`secret:${replace(this.secrets, now, before)}`);
  }

  /** Every output that there is, or should be: rendered again, it proves that nothing was missed. */
  keys(): string[] {
    const hosts = [...this.byHost.keys()].map((host) => `h:${host}`);
    const claimants = [...this.claimants.keys()].flatMap((key) => [`p:${key}`, `i:${key}`]);
    return [...new Set([...this.outputs.values.keys(), ...hosts, ...claimants])];
  }

  private claim(now: Ingress | undefined, before: Ingress | undefined): void {
    const key = keyOf((now ?? before) as Ingress);
    const known = this.claimants.get(key);
    const next = now && this.isOurs(now) ? readIngress(now) : undefined;
    if (known) this.move(known, remove);
    if (next) {
      this.claimants.set(key, next);
      this.move(next, add);
    } else this.claimants.delete(key);
    this.markClaimant(key);
    for (const each of [known, next]) {
      for (const { host } of each?.claims ?? []) this.outputs.touch(`host:${host}`);
      for (const { host } of each?.claims ?? []) this.outputs.mark(`h:${host}`);
      for (const { hosts } of each?.tls ?? []) for (const host of hosts) this.outputs.mark(`c:${host}`);
      for (const token of Object.keys(each?.challenges ?? {})) this.outputs.mark(`a:${token}`);
    }
  }

  private move(claimant: Claimant, how: typeof add<Claimant>): void {
    for (const { host } of claimant.claims) how(this.byHost, host, claimant);
    for (const { hosts } of claimant.tls) for (const host of hosts) how(this.byTlsHost, host, claimant);
    for (const token of Object.keys(claimant.challenges)) how(this.byToken, token, claimant);
  }

  private markClaimant(key: string): void {
    this.outputs.mark(`p:${key}`);
    this.outputs.mark(`i:${key}`);
  }

  private render(output: string, use: Use): Rendered<Problem> {
    const colon = output.indexOf(':');
    const name = output.slice(colon + 1);
    switch (output.slice(0, colon)) {
      case 'h':
        return this.renderHost(output, name, use);
      case 'p':
        return this.renderPolicy(output, name, use);
      case 'u':
      case 's':
        return this.renderBackend(output, name, use);
      case 'c':
        return this.renderCertificate(name, use);
      case 'a':
        return this.renderChallenge(name);
      case 'l4':
        return this.renderPort(output, use);
      case 'i':
        return { value: undefined, problems: this.claimants.get(name)?.problems ?? [] };
      default:
        return this.renderServiceProblems(name);
    }
  }

  private renderHost(output: string, host: string, use: Use): Rendered<Problem> {
    const refer = this.referrer(output);
    const claimants = [...(this.byHost.get(host) ?? [])];
    const rendered = renderHost(host, claimants, (namespace, ref) =>
      refer.to(this.resolve(namespace, ref, use)),
    );
    refer.end();
    return rendered;
  }

  private renderPolicy(output: string, key: string, use: Use): Rendered<Problem> {
    const refer = this.referrer(output);
    const claimant = this.claimants.get(key);
    const namespace = claimant?.ingress.metadata?.namespace ?? '';
    const rendered = claimant?.policy
      ? renderPolicy(claimant, this.settings, {
          backendOf: (name, number) => refer.to(this.resolve(namespace, { name, port: { number } }, use)),
          secretOf: (name) => {
            use(`secret:${namespace}/${name}`);
            return this.secrets.get(`${namespace}/${name}`);
          },
        })
      : nothing;
    refer.end();
    return rendered;
  }

  private resolve(namespace: string, ref: BackendRef, use: Use): { key: string } | string {
    const key = `${namespace}/${ref?.name}`;
    use(`service:${key}`);
    return resolveBackend(this.services.get(key), namespace, ref);
  }

  private renderBackend(output: string, backend: string, use: Use): Rendered<Problem> {
    if (!this.references.has(backend)) return nothing;
    const at = backend.lastIndexOf(':');
    const [key, port] = [backend.slice(0, at), Number(backend.slice(at + 1))];
    use(`service:${key}`);
    use(`slices:${key}`);
    const service = this.services.get(key);
    if (!service) return nothing;
    if (output.startsWith('s:')) {
      const address = this.settings.reachesServices ? addressOf(service, port) : null;
      return { value: address ? JSON.stringify(address) : undefined, problems: [] };
    }
    const endpoints = endpointsOf(service, port, this.slices.get(key)?.values() ?? []);
    return { value: JSON.stringify(endpoints), problems: [] };
  }

  /** A name is secured by those who route it: a stranger cannot replace a neighbour's certificate. */
  private renderCertificate(host: string, use: Use): Rendered<Problem> {
    use(`host:${host}`);
    const routers = new Set(
      [...(this.byHost.get(host) ?? [])].map(({ ingress }) => ingress.metadata?.namespace),
    );
    const problems: Problem[] = [];
    let value: string | undefined;
    const claimants = [...(this.byTlsHost.get(host) ?? [])].toSorted((a, b) => (a.age < b.age ? -1 : 1));
    for (const { ingress, tls } of claimants) {
      for (const { secret } of tls.filter(({ hosts }) => hosts.includes(host))) {
        use(`secret:${secret}`);
        const certificate = certificateOf(this.secrets.get(secret));
        if (typeof certificate === 'string') {
          const message = `secret "${secret.slice(secret.indexOf('/') + 1)}" ${certificate}`;
          problems.push({ object: ingress, kind: 'Ingress', reason: 'InvalidCertificate', message });
        } else if (routers.size === 0 || routers.has(ingress.metadata?.namespace)) {
          value ??= JSON.stringify(certificate);
        }
      }
    }
    return { value, problems };
  }

  private renderChallenge(token: string): Rendered<Problem> {
    const [claimant] = this.byToken.get(token) ?? [];
    return { value: claimant && JSON.stringify(claimant.challenges[token]), problems: [] };
  }

  private renderPort(output: string, use: Use): Rendered<Problem> {
    const age = (key: string) => `${this.services.get(key)?.metadata?.creationTimestamp ?? ''} ${key}`;
    const [owner, ...others] = [...(this.byPort.get(output) ?? [])].toSorted((left, right) =>
      age(left) < age(right) ? -1 : 1,
    );
    const problems = others.map((key): Problem => ({
      object: this.services.get(key) as Service,
      kind: 'Service',
      reason: 'Conflict',
      message: `${output.slice(3).toUpperCase().replace('-', ' port ')} is taken by the older Service ${owner}`,
    }));
    const wanted = this.l4.get(owner ?? '')?.find((port) => l4Key(port) === output);
    const service = this.services.get(owner ?? '');
    if (!wanted || !service) return { value: undefined, problems };
    use(`service:${owner}`);
    use(`slices:${owner}`);
    const slices = this.slices.get(owner ?? '')?.values() ?? [];
    const endpoints = endpointsOf(service, wanted.servicePort, slices, wanted.protocol);
    return { value: endpoints.map(([address, port]) => `${address}:${port}\n`).join(''), problems };
  }

  private renderServiceProblems(key: string): Rendered<Problem> {
    const service = this.services.get(key);
    return { value: undefined, problems: service ? readL4(service, this.settings.l4Ports).problems : [] };
  }

  /** Collects the backends that an output leads to; those that nobody leads to any more go, new ones come. */
  private referrer(output: string) {
    const found = new Set<string>();
    return {
      to: (backend: { key: string } | string) => {
        if (typeof backend !== 'string') found.add(backend.key);
        return backend;
      },
      end: () => {
        const known = this.backendsOf.get(output) ?? new Set();
        for (const key of found) if (!known.has(key)) this.count(key, 1);
        for (const key of known) if (!found.has(key)) this.count(key, -1);
        if (found.size > 0) this.backendsOf.set(output, found);
        else this.backendsOf.delete(output);
      },
    };
  }

  private count(backend: string, by: 1 | -1): void {
    const next = (this.references.get(backend) ?? 0) + by;
    if (next > 0) this.references.set(backend, next);
    else this.references.delete(backend);
    if (next === 0 || (next === 1 && by === 1)) {
      this.outputs.mark(`u:${backend}`);
      this.outputs.mark(`s:${backend}`);
    }
  }
}

/** Key of the Service that a slice belongs to. */
function serviceOf(slice: EndpointSlice | undefined): string | undefined {
  const service = slice?.metadata?.labels?.['kubernetes.io/service-name'];
  return service && `${slice?.metadata?.namespace}/${service}`;
}

function add<T>(map: Map<string, Set<T>>, key: string, value: T): void {
  const known = map.get(key);
  if (known) known.add(value);
  else map.set(key, new Set([value]));
}

function remove<T>(map: Map<string, Set<T>>, key: string, value: T): void {
  const known = map.get(key);
  known?.delete(value);
  if (known?.size === 0) map.delete(key);
}

function replace<T extends { metadata?: { name?: string; namespace?: string } }>(
  map: Map<string, T>,
  now: T | undefined,
  before: T | undefined,
): string {
  const key = keyOf((now ?? before) as Parameters<typeof keyOf>[0]);
  if (now) map.set(key, now);
  else map.delete(key);
  return key;
}
