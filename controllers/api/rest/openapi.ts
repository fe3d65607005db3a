import {
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLOutputType,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
  isRequiredInputField,
} from 'graphql';
import type { RestOperation } from './document.ts';

type Json = Readonly<Record<string, unknown>>;

const scalars: Readonly<Record<string, Json>> = {
  ID: { type: 'string' },
  String: { type: 'string' },
  Int: { type: 'integer', format: 'int32' },
  Float: { type: 'number' },
  Boolean: { type: 'boolean' },
  DateTime: { type: 'string', format: 'date-time' },
};

/** The OpenAPI 3.1 description of the operations, with the schema's own words. */
export function openApiOf(
  schema: GraphQLSchema,
  operations: ReadonlyMap<string, RestOperation>,
  version: string,
): Json {
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  const types = Object.values(schema.getTypeMap()).filter(
    (type) => !type.name.startsWith('__') && !roots.some((root) => root?.name === type.name),
  );
  return {
    openapi: '3.1.0',
    info: { title: 'Skyarc data centre', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    servers: [{ url: '/rest' }],
    security: [{ mutualTls: [] }],
    paths: Object.fromEntries([...operations].map(([name, operation]) => [`/${name}`, pathOf(operation)])),
    components: {
      securitySchemes: { mutualTls: { type: 'mutualTLS' } },
      parameters: {
        teams: header(
          'x-skyarc-teams',
          'Names of teams with commas between; `*` is all; a change needs one.',
        ),
        actor: header('x-skyarc-actor', 'The person that it is for, percent-encoded.'),
        fields: {
          name: 'fields',
          in: 'query',
          description: 'A GraphQL selection of what is wanted of the answer; absent: everything.',
          schema: { type: 'string' },
        },
      },
      schemas: Object.fromEntries([
        ...types.flatMap((type) => {
          const described = schemaOf(type);
          return described ? [[type.name, described] as const] : [];
        }),
        ['Refusal', refusal],
      ]),
    },
  };
}

const refusal: Json = {
  type: 'object',
  required: ['code', 'message'],
  properties: { code: { type: 'string' }, message: { type: 'string' }, details: { type: 'object' } },
};

function header(name: string, description: string): Json {
  return { name, in: 'header', required: true, description, schema: { type: 'string' } };
}

function pathOf({ kind, field }: RestOperation): Json {
  const common = ['teams', 'actor', 'fields'].map((name) => ({ $ref: `#/components/parameters/${name}` }));
  const own = field.args.map((argument) => ({
    name: argument.name,
    in: 'query',
    required: isRequiredArgument(argument),
    ...describe(argument),
    ...inQuery(argument.type),
  }));
  const isRead = kind === 'query';
  const body = {
    type: 'object',
    required: field.args.filter(isRequiredArgument).map(({ name }) => name),
    properties: Object.fromEntries(field.args.map(({ name, type }) => [name, refOf(type)])),
  };
  const hasBody = !isRead && field.args.length > 0;
  return {
    [isRead ? 'get' : 'post']: {
      operationId: field.name,
      ...describe(field),
      parameters: isRead ? [...common, ...own] : common,
      ...(hasBody ? { requestBody: { required: true, ...json(body) } } : {}),
      responses: {
        200: { description: 'The answer', ...json(refOf(field.type)) },
        default: { description: 'A refusal', ...json({ $ref: '#/components/schemas/Refusal' }) },
      },
    },
  };
}

const json = (schema: Json): Json => ({ content: { 'application/json': { schema } } });

/** An input object is given as JSON text. */
function inQuery(type: GraphQLInputType): Json {
  const bare = isNonNullType(type) ? type.ofType : type;
  return isInputObjectType(bare) ? json(refOf(bare)) : { schema: refOf(bare) };
}

function schemaOf(type: GraphQLNamedType): Json | undefined {
  if (isEnumType(type)) {
    return { type: 'string', enum: type.getValues().map(({ name }) => name), ...describe(type) };
  }
  if (!isObjectType(type) && !isInputObjectType(type)) return undefined;
  const fields = Object.values(type.getFields());
  const required = isInputObjectType(type)
    ? Object.values(type.getFields()).filter(isRequiredInputField)
    : fields.filter((field) => isNonNullType(field.type));
  return {
    type: 'object',
    ...describe(type),
    required: required.map(({ name }) => name),
    properties: Object.fromEntries(
      fields.map((field) => [field.name, { ...refOf(field.type), ...describe(field) }]),
    ),
  };
}

function refOf(type: GraphQLInputType | GraphQLOutputType): Json {
  if (isNonNullType(type)) return bareOf(type.ofType);
  const bare = bareOf(type);
  return typeof bare['type'] === 'string'
    ? { ...bare, type: [bare['type'], 'null'] }
    : { anyOf: [bare, { type: 'null' }] };
}

function bareOf(type: GraphQLInputType | GraphQLOutputType): Json {
  if (isListType(type)) return { type: 'array', items: refOf(type.ofType as GraphQLOutputType) };
  if (isNonNullType(type)) return bareOf(type.ofType as GraphQLOutputType);
  return scalars[type.name] ?? { $ref: `#/components/schemas/${type.name}` };
}

function describe({ description }: { readonly description?: string | null | undefined }): Json {
  return description ? { description } : {};
}
