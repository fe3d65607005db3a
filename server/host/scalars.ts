import { GraphQLError, GraphQLScalarType, Kind } from 'graphql';

/** RFC 3339 in UTC with milliseconds. */
export const dateTime = new GraphQLScalarType<Date, string>({
  name: 'DateTime',
  serialize: (value) => (value instanceof Date ? value.toISOString() : String(value)),
  parseValue: (value) => parse(value),
  parseLiteral: (node) => parse(node.kind === Kind.STRING ? node.value : undefined),
});

function parse(value: unknown): Date {
  const date = new Date(typeof value === 'string' ? value : NaN);
  if (Number.isNaN(date.getTime()))
    throw new GraphQLError('A DateTime is a text such as 2026-01-31T12:00:00.000Z');
  return date;
}
