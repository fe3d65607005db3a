import { run } from '@skyarc/lib/process';
import { afterAll, expect, test } from 'vitest';
import type { KindTable } from '../../client/index.ts';
import { removeTable } from '../nft.ts';
import type { PolicyProtocol } from './ports.ts';
import { renderPolicies } from './render.ts';
import { policyTableOf, renderPolicyChange, renderPolicyTable } from './ruleset.ts';

const instance = 'hecfuzz';
const options = { instance, podCidr: '10.75.3.0/24', names: { address: '10.75.3.1', port: 53 } };

let seed = 42;
/** A number below the bound; the same ones in every run. */
function random(bound: number): number {
  seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
  return Math.floor((seed / 2 ** 31) * bound);
}
const pick = (...some: readonly unknown[]): unknown => some[random(some.length)];
const list = (make: () => unknown) =>
  pick(undefined, [], [make()], [make(), make()], [make(), make(), make(), make()]);

const selector = () => {
  const operator = pick('In', 'NotIn', 'Exists', 'DoesNotExist', 'Bogus');
  return pick(
    {},
    undefined,
    { matchLabels: { app: pick('a', 'b') } },
    {
      matchExpressions: [{ key: 'app', operator, values: ['a'] }],
    },
  );
};
const cidrs = [
  '10.0.0.0/8',
  '0.0.0.0/0',
  '::/0',
  '1.2.3.4/33',
  'x',
  '10.0.0.5/24',
  '10.0.0.1/32; flush ruleset',
];
const peer = () =>
  pick(
    { podSelector: selector() },
    { namespaceSelector: selector() },
    { namespaceSelector: selector(), podSelector: selector() },
    {
      ipBlock: { cidr: pick(...cidrs), except: pick(undefined, [], ['10.1.0.0/16', '10.1.2.0/24'], ['bad']) },
    },
    {},
  );
const port = () =>
  pick(
    {},
    { protocol: 'UDP' },
    {
      port: pick(1, 80, 65_535, 0, -1, 70_000, 'http', 'my-port', 'A b;', 'x'.repeat(40)),
      protocol: pick(undefined, 'TCP', 'UDP', 'SCTP', 'ICMP'),
      endPort: pick(undefined, 90, 65_535, 70),
    },
  );
const names = ['p', 'deny.all', 'x'.repeat(240), '9'];
const policy = (i: number) => ({
  metadata: { namespace: pick('ns-1', '2ns', 'gone'), name: `${names[random(4)]}${i}` },
  spec: pick(undefined, {
    podSelector: selector(),
    policyTypes: pick(undefined, ['Ingress'], ['Egress'], ['Ingress', 'Egress']),
    ingress: list(() => ({ from: list(peer), ports: list(port) })),
    egress: list(() => ({ to: list(peer), ports: list(port) })),
  }),
});
const pods = Array.from({ length: 40 }, (_, i) => ({
  namespace: String(pick('ns-1', '2ns')),
  address: `10.75.3.${i + 2}`,
  labels: { app: String(pick('a', 'b')) },
  ports: [
    {
      name: String(pick('http', 'my-port')),
      protocol: pick('TCP', 'UDP', 'SCTP') as PolicyProtocol,
      port: 8_080 + i,
    },
  ],
  isIsolatable: true,
}));
const namespaces = new Map<string, Record<string, string>>([
  ['ns-1', { a: 'b' }],
  ['2ns', {}],
]);

afterAll(() => removeTable(policyTableOf(instance)));

const nft = (input: string) => run('nft', ['-f', '-'], { input });

test('nft takes every change between random policies, and ends with just what is wanted', async () => {
  let model = renderPolicies({ policies: [], pods, namespaces });
  await nft(renderPolicyTable(options, model));
  for (let round = 0; round < 60; round += 1) {
    const policies = Array.from({ length: 20 }, (_, i) => policy(i)) as KindTable['networkpolicies'][];
    const living = pods.filter(() => random(10) < 8);
    const next = renderPolicies({ policies, pods: living, namespaces });
    const { stderr } = await nft(renderPolicyChange(instance, model, next));
    expect(stderr).toBe('');
    model = next;
  }
  const { stdout } = await run('nft', ['list', 'table', 'ip', policyTableOf(instance)]);
  const countOf = (what: string) => stdout.split('\n').filter((line) => line.startsWith(`\t${what} `)).length;
  const frame = { chains: 4, sets: 1 };
  expect(countOf('chain')).toBe(model.chains.size + frame.chains);
  expect(countOf('set')).toBe(model.sets.size + frame.sets);
});
