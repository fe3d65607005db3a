import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildSubgraphSchema } from '@apollo/subgraph';
import type { ConsoleDatabase } from '@skyarc/prisma/console';
import { createAccounts } from '@skyarc/server/accounts';
import { createApps } from '@skyarc/server/apps';
import { createDataCenters } from '@skyarc/server/datacenters';
import { createGroups } from '@skyarc/server/groups';
import {
  checkPolicies,
  buildSubgraph,
  DataCenterRegistry,
  inherited,
  type Policies,
} from '@skyarc/server/host';
import { createLogs, LogDownloads } from '@skyarc/server/logs';
import { createMarket } from '@skyarc/server/market';
import { createMonitor } from '@skyarc/server/monitor';
import { parse } from 'graphql';
import { expect, test } from 'vitest';

// Building a subgraph asks nothing of the database.
const db = {} as ConsoleDatabase;
const registry = new DataCenterRegistry(() => Promise.resolve([]), { ca: '', cert: '', key: '' });
const rooms = [
  createAccounts(db, { version: '0', attemptsPerMinute: 1 }),
  createGroups(db),
  createDataCenters(db),
  createMarket({ samplesFolder: '' }),
  createApps(),
  createLogs(new LogDownloads(registry)),
  createMonitor(),
];

test.each(rooms.map((room) => [room.name, room] as const))(
  'every field of %s has a policy',
  async (_name, room) => {
    await buildSubgraph(room);
  },
);

test.each(rooms.map((room) => [room.name, room] as const))(
  '%s does not start without one of its policies',
  async (name, room) => {
    const sdl = await readFile(join(import.meta.dirname, '../schema', `${name}.graphql`), 'utf8');
    const schema = buildSubgraphSchema([{ typeDefs: parse(sdl) }]);
    for (const [type, fields] of Object.entries(room.policies)) {
      for (const field of Object.keys(fields)) {
        const { [field]: _removed, ...rest } = fields;
        const policies: Policies = { ...room.policies, [type]: rest };
        expect(() => checkPolicies(schema, policies)).toThrow(`Fields without a policy: ${type}.${field}`);
      }
    }
    const extra: Policies = { ...room.policies, Query: { ...room.policies['Query'], ghost: inherited } };
    expect(() => checkPolicies(schema, extra)).toThrow('Query.ghost');
  },
);

test('no root field is open to everybody but those meant to be', () => {
  const roots = rooms.flatMap((room) =>
    ['Query', 'Mutation', 'Subscription'].flatMap((type) =>
      Object.entries(room.policies[type] ?? {}).map(
        ([field, rule]) => [`${type}.${field}`, rule.name] as const,
      ),
    ),
  );
  const open = roots.filter(([, rule]) => rule === 'anyone' || rule === 'inherited').map(([field]) => field);
  expect(open.toSorted()).toEqual([
    'Mutation.claim',
    'Mutation.login',
    'Mutation.logout',
    'Query.installation',
    'Query.viewer',
  ]);
});
