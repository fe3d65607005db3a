import { AppError } from '@skyarc/lib/errors';
import {
  type DocumentNode,
  type ExecutionResult,
  getOperationAST,
  GraphQLError,
  type GraphQLSchema,
  NoSchemaIntrospectionCustomRule,
  type OperationDefinitionNode,
  parse,
  specifiedRules,
  validate,
} from 'graphql';
import { z } from 'zod';
import { checkLimits, defaultLimits, type GraphQLLimits } from './limits.ts';

const request = z.object({
  query: z.string(),
  operationName: z.string().nullish(),
  variables: z.record(z.string(), z.unknown()).nullish(),
});
export type GraphQLRequest = z.infer<typeof request>;

/** An operation that is parsed, within the limits and valid. */
export interface PreparedOperation {
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly operationName: string | undefined;
  readonly variables: Readonly<Record<string, unknown>>;
}

export type OperationResult = ExecutionResult | AsyncIterable<ExecutionResult>;

interface Entry {
  readonly document: DocumentNode;
  /** Found for strangers and for those who may introspect. */
  readonly problems: Map<boolean, readonly GraphQLError[]>;
}

const keptDocuments = 1_000;

/** Parses and validates each text once; the newest 1 000 are kept. */
export class OperationStore {
  readonly schema: GraphQLSchema;
  private readonly limits: Required<GraphQLLimits>;
  private readonly entries = new Map<string, Entry>();

  constructor(schema: GraphQLSchema, limits: GraphQLLimits = {}) {
    this.schema = schema;
    this.limits = { ...defaultLimits, ...limits };
  }

  /** Throws INVALID or an array of GraphQLErrors. Without `introspection`, `__schema` and `__type` are unknown. */
  prepare(input: unknown, options: { readonly introspection: boolean }): PreparedOperation {
    const parsed = request.safeParse(input);
    if (!parsed.success) {
      throw new AppError('INVALID', 'Cannot read the request: send one JSON object with a text "query"');
    }
    const { query, operationName, variables } = parsed.data;
    const entry = this.entryOf(query);
    const operation = getOperationAST(entry.document, operationName);
    if (!operation) {
      throw new AppError(
        'INVALID',
        'Cannot choose the operation: name one of the document in "operationName"',
      );
    }
    checkLimits(this.schema, entry.document, operation, variables ?? {}, this.limits);
    const problems = this.problemsOf(entry, options.introspection);
    if (problems.length > 0) throw problems;
    return {
      document: entry.document,
      operation,
      operationName: operationName ?? undefined,
      variables: variables ?? {},
    };
  }

  private entryOf(query: string): Entry {
    const known = this.entries.get(query);
    this.entries.delete(query);
    const entry = known ?? { document: this.parse(query), problems: new Map() };
    this.entries.set(query, entry);
    const oldest = this.entries.keys().next().value;
    if (this.entries.size > keptDocuments && oldest !== undefined) this.entries.delete(oldest);
    return entry;
  }

  private parse(query: string): DocumentNode {
    try {
      return parse(query, { maxTokens: this.limits.tokens });
    } catch (error) {
      throw error instanceof GraphQLError ? [error] : error;
    }
  }

  private problemsOf(entry: Entry, introspection: boolean): readonly GraphQLError[] {
    const known = entry.problems.get(introspection);
    if (known) return known;
    const rules = introspection ? specifiedRules : [...specifiedRules, NoSchemaIntrospectionCustomRule];
    const found = validate(this.schema, entry.document, rules, { maxErrors: 10 });
    entry.problems.set(introspection, found);
    return found;
  }
}
