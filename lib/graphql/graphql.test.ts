import { AppError } from '@skyarc/lib/errors';
import { createLogger } from '@skyarc/lib/log';
import { buildSchema, GraphQLError } from 'graphql';
import { expect, test } from 'vitest';
import { Channel, formatErrors, fromGraphQLErrors, mapEvents, OperationStore } from './index.ts';

const schema = buildSchema(`
  type Query { node: Node, nodes(first: Int, ids: [ID!]): [Node!]! }
  type Node { id: ID!, node: Node, nodes(first: Int): [Node!]! }
`);
const limits = { depth: 4, aliases: 3, cost: 100, tokens: 60 };

function refusal(query: string, variables: object = {}): string {
  const store = new OperationStore(schema, limits);
  try {
    store.prepare({ query, variables }, { introspection: false });
    return '';
  } catch (error) {
    return Array.isArray(error) ? (error[0] as GraphQLError).message : (error as AppError).message;
  }
}

const cases: [string, string, object, RegExp][] = [
  ['a small operation', '{ node { id } }', {}, /^$/],
  ['four levels', '{ node { node { node { id } } } }', {}, /^$/],
  ['five levels', '{ node { node { node { node { id } } } } }', {}, /nests 5 levels/],
  [
    'five levels by fragments',
    '{ node { ...A } } fragment A on Node { node { node { node { id } } } }',
    {},
    /nests 5/,
  ],
  ['a fragment in itself', '{ node { ...A } } fragment A on Node { node { ...A } }', {}, /within itself/],
  ['four aliases', '{ a: node { id } b: node { id } c: node { id } d: node { id } }', {}, /4 aliases/],
  ['a long list', '{ nodes(first: 200) { id } }', {}, /may answer 201 fields/],
  ['a long list by a variable', 'query ($n: Int) { nodes(first: $n) { id } }', { n: 200 }, /201 fields/],
  ['lists in lists without a length', '{ nodes { nodes { id } } }', {}, /may answer 111 fields/],
  ['a list of named ones', 'query ($n: [ID!]) { nodes(ids: $n) { nodes { id } } }', { n: ['a'] }, /^$/],
  [
    'what is left out',
    'query ($on: Boolean!) { nodes @include(if: $on) { nodes { id } } nodes @skip(if: true) { nodes { id } } }',
    { on: false },
    /^$/,
  ],
  [
    'what may be left out and is not',
    'query ($on: Boolean!) { nodes @include(if: $on) { nodes { id } } node @skip(if: false) { id } }',
    { on: true },
    /may answer 113 fields/,
  ],
  ['too many words', `{ ${'node { id } '.repeat(20)} }`, {}, /60 tokens/],
  ['an unknown field', '{ ghost }', {}, /Cannot query field "ghost"/],
  ['introspection', '{ __schema { types { name } } }', {}, /introspection has been disabled/],
  ['no operation', 'fragment A on Node { id }', {}, /name one of the document/],
];
test.each(cases)('%s', (_name, query, variables, message) => {
  expect(refusal(query, variables)).toMatch(message);
});

test('an error keeps its code and facts over the wire, and ours keep their message inside', () => {
  const log = createLogger('test');
  log.level = 'silent';
  const conflict = new GraphQLError('x', {
    originalError: new AppError('CONFLICT', 'Cannot: it runs', { details: { operationId: 'op' } }),
  });
  const [sent] = formatErrors([conflict], log);
  expect(sent).toEqual({
    message: 'Cannot: it runs',
    extensions: { code: 'CONFLICT', details: { operationId: 'op' } },
  });
  expect(fromGraphQLErrors([sent as never])).toMatchObject({
    code: 'CONFLICT',
    details: { operationId: 'op' },
  });
  const [masked] = formatErrors([new GraphQLError('x', { originalError: new Error('secret path') })], log);
  expect(masked).toMatchObject({ extensions: { code: 'INTERNAL' } });
  expect(JSON.stringify(masked)).not.toContain('secret');
  expect(formatErrors([masked], log)).toEqual([masked]);
});

test('leaving a mapped channel frees it at once, also while it waits', async () => {
  let ended = 0;
  const channel = new Channel<number>(() => (ended += 1));
  const doubled = mapEvents(channel, (value) => value * 2);
  channel.push(21);
  expect(await doubled.next()).toEqual({ value: 42, done: false });
  const waiting = doubled.next();
  await doubled.return?.();
  expect(await waiting).toEqual({ value: undefined, done: true });
  expect(ended).toBe(1);
  channel.push(1);
  expect(await doubled.next()).toEqual({ value: undefined, done: true });
});

test('a channel that fails gives what was pushed before, then the error once', async () => {
  const channel = new Channel<number>();
  channel.push(1);
  channel.end(new Error('gone'));
  expect((await channel.next()).value).toBe(1);
  await expect(channel.next()).rejects.toThrow('gone');
  expect((await channel.next()).done).toBe(true);
});
