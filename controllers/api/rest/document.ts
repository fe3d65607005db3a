import {
  getNamedType,
  type GraphQLField,
  type GraphQLOutputType,
  type GraphQLSchema,
  isCompositeType,
  isObjectType,
  isRequiredArgument,
} from 'graphql';

/** Deep enough for the conditions of a route's policy. */
const maxDepth = 9;

/** A root field that can be asked for by REST. */
export interface RestOperation {
  readonly kind: 'query' | 'mutation';
  readonly field: GraphQLField<unknown, unknown>;
}

/** Root fields by name; subscriptions have no REST. */
export function restOperations(schema: GraphQLSchema): Map<string, RestOperation> {
  const of = (kind: RestOperation['kind'], fields: object | undefined) =>
    Object.values((fields ?? {}) as Record<string, RestOperation['field']>).map(
      (field) => [field.name, { kind, field }] as const,
    );
  return new Map([
    ...of('query', schema.getQueryType()?.getFields()),
    ...of('mutation', schema.getMutationType()?.getFields()),
  ]);
}

/** The GraphQL text of an operation; `fields` is a selection instead of everything below the root field. */
export function documentOf({ kind, field }: RestOperation, fields?: string): string {
  const variables = field.args.map((argument) => `$${argument.name}: ${String(argument.type)}`);
  const values = field.args.map(({ name }) => `${name}: $${name}`);
  const [declared, given] = [variables, values].map((list) =>
    list.length > 0 ? `(${list.join(', ')})` : '',
  );
  const isPlain = !isCompositeType(getNamedType(field.type));
  const selection = isPlain ? '' : ` { ${fields ?? selectionOf(field.type, [])} }`;
  return `${kind} rest${declared} { ${field.name}${given}${selection} }`;
}

/** Every field that needs no argument, type within type, none within itself. */
function selectionOf(type: GraphQLOutputType, above: readonly string[]): string {
  const named = getNamedType(type);
  if (!isObjectType(named)) return '';
  const within = [...above, named.name];
  return Object.values(named.getFields())
    .filter((field) => !field.args.some(isRequiredArgument))
    .flatMap((field) => {
      const inner = getNamedType(field.type);
      if (!isCompositeType(inner)) return [field.name];
      if (within.includes(inner.name) || within.length >= maxDepth) return [];
      return [`${field.name} { ${selectionOf(inner, within)} }`];
    })
    .join(' ');
}
