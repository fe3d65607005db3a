import { type MeshRefusal, meshRefusalAnnotation } from '@skyarc/lib/contracts';
import { AggregatedDiscoveryService } from '@skyarc/lib/contracts/generated/envoy/service/discovery/v3/discovery_pb.js';
import { messageOf } from '@skyarc/lib/errors';
import type { KubeClient } from '@skyarc/lib/kube';
import { type RunningService, Stack } from '@skyarc/lib/lifecycle';
import type { Logger } from '@skyarc/lib/log';
import { retry, sleep } from '@skyarc/lib/retry';
import { directStream, startRpcServer } from '@skyarc/lib/rpc';
import { GrantVerifier } from '@skyarc/lib/signed-grant';
import { Counter, Gauge, type Registry } from 'prom-client';
import { Audience } from './audience.ts';
import type { DiscoveryConfig } from './config.ts';
import { Conversation, type Refusal } from './conversation.ts';
import type { Kind } from './types.ts';
import { delta, stateOfTheWorld } from './variants.ts';
import { World } from './world.ts';

const { method } = AggregatedDiscoveryService;
/** A client that comes while the cluster is read for the first time waits for so long. */
const firstReadMs = 5_000;

export interface RunningDiscovery extends RunningService {
  readonly problem: string | undefined;
  /** Who listens, what they have and what they refused, for people. */
  describe(): unknown;
}

/** Discovery (ADS, Envoy's xDS v3) for clients of apps that switched the mesh on; each sees its own app's world alone. */
export async function startDiscovery(
  config: DiscoveryConfig,
  deps: { kube: KubeClient; log: Logger; registry: Registry },
): Promise<RunningDiscovery> {
  const { kube, log, registry } = deps;
  const stack = new Stack();
  const registers = [registry];
  const responses = new Counter({
    name: 'skyarc_node_discovery_responses_total',
    help: 'Responses sent to clients of discovery.',
    labelNames: ['kind'],
    registers,
  });
  const refusals = new Counter({
    name: 'skyarc_node_discovery_refusals_total',
    help: 'Responses that clients of discovery refused (NACK).',
    labelNames: ['kind'],
    registers,
  });
  const audienceSize = (): number =>
    [...audience.list().values()].reduce((sum, { sessions }) => sum + sessions.size, 0);
  const streams = new Gauge({
    name: 'skyarc_node_discovery_streams',
    help: 'Clients of discovery.',
    registers: [],
    collect() {
      this.set(audienceSize());
    },
  });
  registry.registerMetric(streams);
  const verifier = new GrantVerifier(config.grantKey);
  const world: World = new World(kube, log, (change) => audience.tell(change));
  const audience: Audience = new Audience(world);
  const lastRefusals = new Map<string, MeshRefusal>();
  // Not waited for: the rest of the agent works while the cluster is away.
  const known = world.start();

  function onRefusal({ grant, object, kind, message: why }: Refusal): void {
    refusals.inc({ kind });
    const refusal = { at: new Date().toISOString(), kind, message: why.slice(0, 2_000) };
    if (lastRefusals.get(grant.appId)?.message === refusal.message) return;
    lastRefusals.set(grant.appId, refusal);
    log.warn({ app: grant.appId, kind, reason: refusal.message }, 'a client refused what it was told');
    const annotations = { [meshRefusalAnnotation]: JSON.stringify(refusal) };
    kube
      .patch('configmaps', { name: object, namespace: grant.namespace }, { metadata: { annotations } })
      .catch((error: unknown) => log.warn({ reason: messageOf(error) }, 'cannot note a refusal'));
  }

  async function untilKnown(): Promise<void> {
    const timer = new AbortController();
    await Promise.race([known, sleep(firstReadMs, timer.signal).catch(() => undefined)]);
    timer.abort();
  }

  const onSent = (kind: Kind): void => responses.inc({ kind });
  const parts = { audience, verifier, untilKnown, onSent, onRefusal };

  try {
    stack.add(() => world.stop());
    const stopping = new AbortController();
    const firstTry = Promise.withResolvers<void>();
    let server: RunningService | undefined;
    let problem: string | undefined;
    const serving = retry(
      () =>
        startRpcServer({
          host: config.host,
          port: config.port,
          directStreams: [
            directStream(method.streamAggregatedResources, (call) => {
              return new Conversation({ ...parts, call, variant: stateOfTheWorld });
            }),
            directStream(method.deltaAggregatedResources, (call) => {
              return new Conversation({ ...parts, call, variant: delta });
            }),
          ],
        }),
      {
        signal: stopping.signal,
        maxMs: 5_000,
        // The pods' network may not be there yet.
        onRetry: (error) => {
          problem ??= `discovery is not served: ${messageOf(error)}`;
          firstTry.resolve();
        },
      },
    );
    const settled = serving.then(
      (running) => {
        [server, problem] = [running, undefined];
        log.info({ url: running.url }, 'discovery is served');
      },
      () => undefined,
    );
    stack.add(async () => {
      stopping.abort();
      await settled;
      await server?.stop();
    });
    await Promise.race([settled, firstTry.promise]);
    return {
      get url() {
        return server?.url ?? `http://${config.host}:${config.port}`;
      },
      get problem() {
        if (world.silenceMs > 180_000) return 'discovery hears nothing of the Kubernetes API';
        return problem;
      },
      describe: () => describe(audience, lastRefusals),
      stop: () => stack.stop(),
    };
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

function describe(audience: Audience, refusals: ReadonlyMap<string, MeshRefusal>): unknown {
  return [...audience.list()].map(([appId, { namespace, spec, sessions }]) => ({
    appId,
    namespace,
    app: spec.app,
    refusal: refusals.get(appId) ?? null,
    streams: [...sessions].map(([session, dialect]) => ({
      dialect,
      kinds: Object.fromEntries(
        [...session.list()].map((one) => [
          one.kind,
          {
            sentVersion: one.version,
            acceptedVersion: one.acceptedVersion,
            waiting: one.pendingNonce !== null,
          },
        ]),
      ),
    })),
  }));
}
