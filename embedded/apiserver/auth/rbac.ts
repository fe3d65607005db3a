import { listAt, textAt, type ApiObject, type JsonObject } from '../object.ts';
import type { Registry } from '../registry.ts';
import { matchesLabelSelector } from '../selectors.ts';
import type { User } from './authenticate.ts';
import { mastersOnly, type Authorizer, type RequestAttributes } from './authorize.ts';

const group = 'rbac.authorization.k8s.io';
const accountPrefix = 'system:serviceaccount:';

/**
 * Role-based access control (rbac.authorization.k8s.io/v1) over what every server allows anyway. Read from the
 * caches at each request: a binding that is gone counts no longer at the next one.
 */
export class RoleAuthorizer implements Authorizer {
  private readonly registry: Registry;

  constructor(registry: Registry) {
    this.registry = registry;
  }

  allows(user: User, wanted: RequestAttributes): boolean {
    if (mastersOnly.allows(user, wanted)) return true;
    return this.rulesOf(user, wanted.namespace).some((rule) => ruleAllows(rule, wanted));
  }

  /** The rules that hold for a user everywhere, and in a namespace when one is given. */
  rulesOf(user: User, namespace: string | undefined): JsonObject[] {
    if (user.groups.includes('system:masters')) return everything;
    const bindings = [
      ...this.objects('clusterrolebindings'),
      ...(namespace ? this.objects('rolebindings', namespace) : []),
    ];
    return bindings
      .filter((binding) => listAt(binding, 'subjects').some((subject) => isSubject(subject, user, binding)))
      .flatMap((binding) => this.rulesOfRole(binding));
  }

  private rulesOfRole(binding: ApiObject): JsonObject[] {
    const isOfCluster = textAt(binding, 'roleRef', 'kind') === 'ClusterRole';
    const kind = this.registry.kindNamed(isOfCluster ? 'clusterroles' : 'roles', group);
    const namespace = isOfCluster ? undefined : binding.metadata.namespace;
    const role = this.registry.reader.find(kind, namespace, textAt(binding, 'roleRef', 'name'))?.object;
    if (!role) return [];
    const selectors = listAt(role, 'aggregationRule', 'clusterRoleSelectors');
    const parts = selectors.length === 0 ? [] : this.objects('clusterroles');
    return [role, ...parts.filter((part) => isSelected(part, selectors))].flatMap((each) =>
      listAt(each, 'rules'),
    );
  }

  private objects(plural: string, namespace?: string): ApiObject[] {
    const kind = this.registry.kindNamed(plural, group);
    return this.registry.reader.entries(kind, namespace).map(({ object }) => object);
  }
}

const everything: JsonObject[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

function isSelected({ metadata }: ApiObject, selectors: readonly JsonObject[]): boolean {
  return selectors.some((selector) => matchesLabelSelector(selector, metadata.labels ?? {}));
}

function isSubject(subject: JsonObject, user: User, binding: ApiObject): boolean {
  const name = textAt(subject, 'name');
  switch (textAt(subject, 'kind')) {
    case 'User':
      return name === user.username;
    case 'Group':
      return user.groups.includes(name);
    case 'ServiceAccount': {
      const namespace = textAt(subject, 'namespace') || (binding.metadata.namespace ?? '');
      return user.username === `${accountPrefix}${namespace}:${name}`;
    }
    default:
      return false;
  }
}

/** True when a PolicyRule grants what is wanted. */
export function ruleAllows(rule: JsonObject, wanted: RequestAttributes): boolean {
  if (!grants(rule['verbs'], wanted.verb)) return false;
  const { path } = wanted;
  if (path !== undefined) {
    return textsOf(rule['nonResourceURLs']).some(
      (each) => each === path || each === '*' || (each.endsWith('*') && path.startsWith(each.slice(0, -1))),
    );
  }
  const { resource = '', subresource, name } = wanted;
  const full = subresource ? `${resource}/${subresource}` : resource;
  const resources = textsOf(rule['resources']);
  const isNamed = resources.some(
    (each) => each === '*' || each === full || (subresource !== undefined && each === `*/${subresource}`),
  );
  const names = textsOf(rule['resourceNames']);
  return (
    isNamed &&
    grants(rule['apiGroups'], wanted.group ?? '') &&
    (names.length === 0 || (name !== undefined && names.includes(name)))
  );
}

function grants(list: unknown, wanted: string): boolean {
  const texts = textsOf(list);
  return texts.includes('*') || texts.includes(wanted);
}

function textsOf(list: unknown): string[] {
  return Array.isArray(list) ? list.filter((each) => typeof each === 'string') : [];
}

/**
 * The further right that a write of roles or bindings needs, so that nobody hands out more than is theirs:
 * `escalate` roles, `bind` cluster roles. Stricter than Kubernetes, which also lets those pass who hold every
 * right that they give. Undefined for any other request.
 */
export function grantingRight(wanted: RequestAttributes): RequestAttributes | undefined {
  if (wanted.group !== group || !['create', 'update', 'patch'].includes(wanted.verb)) return undefined;
  const isBinding = wanted.resource?.endsWith('bindings');
  return isBinding
    ? { ...wanted, verb: 'bind', resource: 'clusterroles', name: undefined }
    : { ...wanted, verb: 'escalate' };
}
