import { AppError } from '@skyarc/lib/errors';
import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  getNamedType,
  type GraphQLNamedType,
  type GraphQLSchema,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
  type ValueNode,
  valueFromASTUntyped,
} from 'graphql';

/** What one operation may ask for. */
export interface GraphQLLimits {
  /** Tokens of the text; default 2 000. */
  readonly tokens?: number;
  /** Levels of nesting; default 12. */
  readonly depth?: number;
  /** Fields of one selection with the same name under different aliases, in all; default 20. */
  readonly aliases?: number;
  /** Fields that the answer may have, lists counted with their `first`, `last`, number of `ids` or 10; default 50 000. */
  readonly cost?: number;
}

export const defaultLimits: Required<GraphQLLimits> = { tokens: 2_000, depth: 12, aliases: 20, cost: 50_000 };

const introspectionDepth = 20;
const assumedListLength = 10;

interface Measure {
  readonly cost: number;
  readonly depth: number;
  readonly aliases: number;
}

/** Throws INVALID for an operation that is too deep, too wide or too dear. Runs before validation. */
export function checkLimits(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
  limits: Required<GraphQLLimits>,
): void {
  const root = schema.getRootType(operation.operation);
  const meter = new Meter(schema, document, variables);
  const measure = meter.measure(operation.selectionSet, root ?? undefined);
  const maxDepth = meter.isIntrospection ? introspectionDepth : limits.depth;
  const problem =
    measure.depth > maxDepth
      ? `it nests ${measure.depth} levels, at most ${maxDepth} are allowed`
      : measure.aliases > limits.aliases
        ? `it has ${measure.aliases} aliases, at most ${limits.aliases} are allowed`
        : measure.cost > limits.cost
          ? `it may answer ${measure.cost} fields, at most ${limits.cost} are allowed; ask for shorter lists`
          : undefined;
  if (problem) throw new AppError('INVALID', `Cannot run the operation: ${problem}`);
}

class Meter {
  isIntrospection = false;
  private readonly schema: GraphQLSchema;
  private readonly variables: Readonly<Record<string, unknown>>;
  private readonly fragments: Map<string, FragmentDefinitionNode>;
  /** Null while it is being measured: a fragment within itself. */
  private readonly measured = new Map<string, Measure | null>();

  constructor(schema: GraphQLSchema, document: DocumentNode, variables: Readonly<Record<string, unknown>>) {
    this.schema = schema;
    this.variables = variables;
    this.fragments = new Map(
      document.definitions
        .filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION)
        .map((fragment) => [fragment.name.value, fragment]),
    );
  }

  measure(set: SelectionSetNode, type: GraphQLNamedType | undefined): Measure {
    let cost = 0;
    let depth = 0;
    let aliases = 0;
    for (const selection of set.selections) {
      if (!this.isIncluded(selection)) continue;
      const part =
        selection.kind === Kind.FIELD
          ? this.field(selection, type)
          : selection.kind === Kind.INLINE_FRAGMENT
            ? this.measure(selection.selectionSet, this.typeOf(selection.typeCondition?.name.value) ?? type)
            : this.fragment(selection.name.value);
      cost += part.cost;
      aliases += part.aliases;
      depth = Math.max(depth, part.depth);
    }
    return { cost, depth, aliases };
  }

  private field(node: FieldNode, parent: GraphQLNamedType | undefined): Measure {
    const aliases = node.alias ? 1 : 0;
    if (node.name.value === '__schema' || node.name.value === '__type') {
      this.isIntrospection = true;
      return { cost: 1, depth: 1, aliases };
    }
    const field =
      isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[node.name.value] : undefined;
    if (!node.selectionSet) return { cost: 1, depth: 1, aliases };
    const inner = this.measure(node.selectionSet, field ? getNamedType(field.type) : undefined);
    const isList = field ? isListType(isNonNullType(field.type) ? field.type.ofType : field.type) : false;
    const length = this.lengthOf(node) ?? (isList ? assumedListLength : 1);
    return { cost: 1 + length * inner.cost, depth: 1 + inner.depth, aliases: aliases + inner.aliases };
  }

  private fragment(name: string): Measure {
    const known = this.measured.get(name);
    if (known === null)
      throw new AppError('INVALID', `Cannot run the operation: fragment ${name} is within itself`);
    const fragment = this.fragments.get(name);
    if (known ?? !fragment) return known ?? { cost: 0, depth: 0, aliases: 0 };
    this.measured.set(name, null);
    const measure = this.measure(fragment.selectionSet, this.typeOf(fragment.typeCondition.name.value));
    this.measured.set(name, measure);
    return measure;
  }

  private typeOf(name: string | undefined): GraphQLNamedType | undefined {
    return name === undefined ? undefined : this.schema.getType(name);
  }

  /** False for what `@include` or `@skip` leave out. */
  private isIncluded({ directives = [] }: SelectionNode): boolean {
    return directives.every(({ name, arguments: [condition] = [] }) => {
      const value = condition && this.valueOf(condition.value);
      return name.value === 'include' ? value !== false : name.value !== 'skip' || value !== true;
    });
  }

  private lengthOf(node: FieldNode): number | undefined {
    const values = new Map(node.arguments?.map(({ name, value }) => [name.value, this.valueOf(value)]));
    const length = values.get('first') ?? values.get('last') ?? values.get('ids');
    if (Array.isArray(length)) return Math.max(1, length.length);
    return typeof length === 'number' && length > 0 ? length : undefined;
  }

  private valueOf(node: ValueNode): unknown {
    return valueFromASTUntyped(node, this.variables);
  }
}
