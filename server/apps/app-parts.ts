import { type AppParts, noAppParts } from '@skyarc/server/host';
import { type GraphQLResolveInfo, Kind, type SelectionSetNode } from 'graphql';

/** The parts of an app that the selection below this field needs. */
export function appPartsOf(info: GraphQLResolveInfo): AppParts {
  const parts: { -readonly [Name in keyof AppParts]: AppParts[Name] } = { ...noAppParts };
  for (const node of info.fieldNodes) if (node.selectionSet) collect(node.selectionSet, parts, info);
  return parts;
}

type Draft = { -readonly [Name in keyof AppParts]: AppParts[Name] };
type Switch = { [Name in keyof AppParts]: AppParts[Name] extends boolean ? Name : never }[keyof AppParts];

const defaultCount = 20;

/** The part that a field of an app, or of something of an app, is read with. */
const partOf: Readonly<Record<string, Switch>> = {
  pods: 'pods',
  ports: 'network',
  routes: 'network',
  l4Routes: 'network',
  env: 'env',
  currentVersion: 'versions',
  versions: 'versions',
  greyRelease: 'versions',
  builds: 'builds',
  activeOperation: 'operation',
  // Read together: whoever shows one of them shows most of them.
  healthCheck: 'settings',
  probes: 'settings',
  placement: 'settings',
  rollout: 'settings',
  job: 'settings',
  autoscaling: 'settings',
  policy: 'settings',
  effectiveEnv: 'settings',
  volumes: 'settings',
  dependencies: 'settings',
  dependents: 'settings',
  plugins: 'settings',
  mesh: 'settings',
  configSetIds: 'settings',
};

function collect(set: SelectionSetNode, parts: Draft, info: GraphQLResolveInfo): void {
  for (const selection of set.selections) {
    if (selection.kind === Kind.INLINE_FRAGMENT) {
      collect(selection.selectionSet, parts, info);
    } else if (selection.kind === Kind.FRAGMENT_SPREAD) {
      const fragment = info.fragments[selection.name.value];
      if (fragment) collect(fragment.selectionSet, parts, info);
    } else {
      const first = selection.arguments?.find((argument) => argument.name.value === 'first')?.value;
      const count =
        first?.kind === Kind.INT
          ? Number(first.value)
          : first?.kind === Kind.VARIABLE
            ? Number(info.variableValues[first.name.value] ?? defaultCount)
            : defaultCount;
      note(selection.name.value, count, parts);
      // Settings lie one level deeper (`run { probes }`, `routes { policy }`).
      if (selection.selectionSet && ['run', 'source', 'routes'].includes(selection.name.value))
        collect(selection.selectionSet, parts, info);
    }
  }
}

function note(field: string, count: number, parts: Draft): void {
  const part = Object.hasOwn(partOf, field) ? partOf[field] : undefined;
  if (part) parts[part] = true;
  if (field === 'versions') parts.versionCount = Math.max(parts.versionCount, count);
  if (field === 'builds') parts.buildCount = Math.max(parts.buildCount, count);
}
