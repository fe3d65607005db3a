import { expect, test } from 'vitest';
import { type Response, Session } from './session.ts';
import { delta, stateOfTheWorld } from './variants.ts';
import { type Kind, kinds, type Resource, type Snapshot, typeUrlOf } from './types.ts';

/** Mulberry32: the same numbers for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A resource whose bytes say which others it names. */
function resource(name: string, content: string): Resource {
  const bytes = Buffer.from(`${name} ${content}`);
  let fingerprint = 14_695_981_039_346_656_037n;
  for (const byte of bytes)
    fingerprint = BigInt.asUintN(64, (fingerprint ^ BigInt(byte)) * 1_099_511_628_211n);
  return { name, version: content, fingerprint, bytes };
}

/** Entries that lead to clusters: `routes` names a cluster for each entry. */
function snapshotOf(routes: ReadonlyMap<string, string>, turn: number): Snapshot {
  const made = {
    clusters: new Map<string, Resource>(),
    endpoints: new Map<string, Resource>(),
    listeners: new Map<string, Resource>(),
    routes: new Map<string, Resource>(),
  };
  for (const [entry, cluster] of routes) {
    made.listeners.set(entry, resource(entry, entry));
    made.routes.set(entry, resource(entry, cluster));
    made.clusters.set(cluster, { ...resource(cluster, cluster), endpoints: cluster });
    made.endpoints.set(cluster, resource(cluster, `${cluster}@${turn % 3}`));
  }
  return made;
}

/** A client that believes what it is told, and looks whether everything that it was told to use is there. */
class Client {
  readonly has: Record<Kind, Map<string, string>> = {
    clusters: new Map(),
    endpoints: new Map(),
    listeners: new Map(),
    routes: new Map(),
  };
  readonly session: Session;
  readonly queue: Response[] = [];
  private readonly nonces = new Map<Kind, string>();
  private readonly isDelta: boolean;
  private readonly refuses: () => boolean;

  constructor(snapshot: Snapshot, isDelta: boolean, refuses: () => boolean) {
    this.isDelta = isDelta;
    this.refuses = refuses;
    this.session = new Session({
      snapshot,
      tellsRemoval: (isDelta ? delta : stateOfTheWorld).tellsRemoval,
      send: (response) => this.queue.push(response),
      onRefusal: () => undefined,
    });
    for (const kind of kinds) {
      if (isDelta)
        delta.hear(this.session, deltaRequest({ typeUrl: typeUrlOf(kind), resourceNamesSubscribe: ['*'] }));
      else this.ask(kind);
    }
  }

  /** Takes the oldest response; false when there is none. */
  step(): boolean {
    const response = this.queue.shift();
    if (!response) return false;
    const { kind, nonce } = response;
    if (kind === 'routes' && this.refuses()) {
      this.answer(kind, nonce, 'no');
      return true;
    }
    const isWhole = !this.isDelta && (kind === 'clusters' || kind === 'listeners');
    const given = isWhole ? response.full() : response.updated;
    if (isWhole) this.has[kind].clear();
    for (const { name, bytes } of given)
      this.has[kind].set(name, Buffer.from(bytes).toString().split(' ')[1] ?? '');
    if (this.isDelta) for (const name of response.removed) this.has[kind].delete(name);
    this.answer(kind, nonce);
    return true;
  }

  /** Names of clusters that a route leads to and that are not there, or have no endpoints. */
  dangling(): string[] {
    return [...this.has.listeners.keys()].flatMap((entry) => {
      const cluster = this.has.routes.get(entry);
      if (cluster === undefined) return [];
      return this.has.clusters.has(cluster) && this.has.endpoints.has(cluster)
        ? []
        : [`${entry} -> ${cluster}`];
    });
  }

  /** Without names for listeners and clusters; by name for what those speak of, as Envoy does. */
  private ask(kind: Kind, errorDetail?: { message: string }): void {
    const named = { clusters: [], listeners: [], endpoints: this.has.clusters, routes: this.has.listeners }[
      kind
    ];
    const resourceNames = [...named.keys()].map(String);
    const responseNonce = this.nonces.get(kind) ?? '';
    stateOfTheWorld.hear(
      this.session,
      sotwRequest({ typeUrl: typeUrlOf(kind), responseNonce, errorDetail, resourceNames }),
    );
  }

  /** What is no longer spoken of is forgotten, and the other way round. */
  private follow(kind: Kind): void {
    const follower = ({ clusters: 'endpoints', listeners: 'routes' } as const)[kind as 'clusters'];
    if (!follower) return;
    for (const name of this.has[follower].keys())
      if (!this.has[kind].has(name)) this.has[follower].delete(name);
    this.ask(follower);
  }

  private answer(kind: Kind, responseNonce: string, refusal?: string): void {
    const errorDetail = refusal ? { message: refusal } : undefined;
    this.nonces.set(kind, responseNonce);
    if (this.isDelta) {
      delta.hear(this.session, deltaRequest({ typeUrl: typeUrlOf(kind), responseNonce, errorDetail }));
      return;
    }
    this.ask(kind, errorDetail);
    if (!refusal) this.follow(kind);
  }
}

function sotwRequest(parts: object): Parameters<typeof stateOfTheWorld.hear>[1] {
  return { versionInfo: '', responseNonce: '', resourceNames: [], ...parts } as never;
}

function deltaRequest(parts: object): Parameters<typeof delta.hear>[1] {
  return {
    responseNonce: '',
    resourceNamesSubscribe: [],
    resourceNamesUnsubscribe: [],
    initialResourceVersions: {},
    ...parts,
  } as never;
}

for (const variant of ['state of the world', 'delta']) {
  test(`${variant}: in 5,000 random changes nothing is ever used that is not there`, () => {
    const random = randomOf(variant.length);
    const pick = (count: number): number => Math.floor(random() * count);
    const routes = new Map([['a', 'c0']]);
    const client = new Client(snapshotOf(routes, 0), variant === 'delta', () => false);
    for (let turn = 1; turn <= 5_000; turn += 1) {
      const entry = 'abcd'[pick(4)] ?? 'a';
      if (random() < 0.2) routes.delete(entry);
      else routes.set(entry, `c${pick(6)}`);
      client.session.update(snapshotOf(routes, turn));
      for (let steps = pick(6); steps > 0; steps -= 1) {
        client.step();
        expect(client.dangling()).toEqual([]);
      }
    }
    while (client.step()) expect(client.dangling()).toEqual([]);
    const wanted = snapshotOf(routes, 5_000);
    for (const kind of ['clusters', 'listeners'] as const) {
      expect([...client.has[kind].keys()].toSorted()).toEqual([...wanted[kind].keys()].toSorted());
    }
    for (const [entry, cluster] of routes) expect(client.has.routes.get(entry)).toBe(cluster);
  });

  test(`${variant}: a client that refuses now and then ends with all that it did not refuse, and there is no loop`, () => {
    const random = randomOf(7);
    let refusing = true;
    const routes = new Map([['a', 'c0']]);
    const client = new Client(snapshotOf(routes, 0), variant === 'delta', () => refusing && random() < 0.3);
    let steps = 0;
    for (let turn = 1; turn <= 300; turn += 1) {
      routes.set('a', `c${turn % 5}`);
      client.session.update(snapshotOf(routes, turn));
      while (client.step()) steps += 1;
    }
    expect(steps).toBeLessThan(300 * 6);
    refusing = false;
    routes.set('a', 'last');
    client.session.update(snapshotOf(routes, 1));
    while (client.step());
    expect(client.has.routes.get('a')).toBe('last');
    expect(client.has.clusters.has('last')).toBe(true);
  });
}

test('on a new stream a version speaks for who wants all, not for who asks by name and may have dropped it', () => {
  const snapshot = snapshotOf(new Map([['a', 'c0']]), 0);
  const opened = (request: object): Response[] => {
    const sent: Response[] = [];
    const session = new Session({
      snapshot,
      tellsRemoval: stateOfTheWorld.tellsRemoval,
      send: (response) => sent.push(response),
      onRefusal: () => undefined,
    });
    stateOfTheWorld.hear(session, sotwRequest({ typeUrl: typeUrlOf('listeners'), ...request }));
    return sent;
  };
  for (const resourceNames of [[], ['a']]) {
    const [first] = opened({ resourceNames });
    expect(first?.updated.map(({ name }) => name)).toEqual(['a']);
    const again = opened({ resourceNames, versionInfo: first?.version });
    expect(again).toHaveLength(resourceNames.length);
  }
});
