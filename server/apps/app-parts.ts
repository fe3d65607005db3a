import { type AppParts, noAppParts } from '@skyarc/server/host';
import { type GraphQLResolveInfo, Kind, type SelectionSetNode } from 'graphql';

/** The parts of an app that the selection below this field needs. */
export function appPartsOf(info: GraphQLResolveInfo): AppParts {
  const parts: { -readonly [Name in keyof AppParts]: AppParts[Name] } = { ...noAppParts };
  for (const node of info.fieldNodes) if (node.selectionSet) collect(node.selectionSet, parts, info);
  return parts;
}

type Draft = { -readonly [Name in keyof AppParts]: AppParts[Name] };

const defaultCount = 20;

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
    }
  }
}

function note(field: string, count: number, parts: Draft): void {
  switch (field) {
    case 'pods':
      parts.pods = true;
      break;
    case 'ports':
    case 'routes':
      parts.network = true;
      break;
    case 'env':
      parts.env = true;
      break;
    case 'currentVersion':
      parts.versions = true;
      break;
    case 'versions':
      parts.versions = true;
      parts.versionCount = Math.max(parts.versionCount, count);
      break;
    case 'builds':
      parts.builds = true;
      parts.buildCount = Math.max(parts.buildCount, count);
      break;
    case 'activeOperation':
      parts.operation = true;
      break;
  }
}
