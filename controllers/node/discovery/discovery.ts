import type { HandlerContext } from '@connectrpc/connect';
import { type MeshGrant, meshGrant, type MeshRefusal, meshRefusalAnnotation } from '@skyarc/lib/contracts';
import type { Node } from '@skyarc/lib/contracts/generated/envoy/config/core/v3/core_pb.js';
import { AggregatedDiscoveryService } from '@skyarc/lib/contracts/generated/envoy/service/discovery/v3/discovery_pb.js';
import { AppError, messageOf } from '@skyarc/lib/errors';
import type { KubeClient } from '@skyarc/lib/kube';
import { type RunningService, Stack } from '@skyarc/lib/lifecycle';
import type { Logger } from '@skyarc/lib/log';
import { retry, sleep } from '@skyarc/lib/retry';
import { startRpcServer } from '@skyarc/lib/rpc';
import { GrantVerifier } from '@skyarc/lib/signed-grant';
import { Counter, Gauge, type Registry } from 'prom-client';
import { Audience } from './audience.ts';
import type { DiscoveryConfig } from './config.ts';
import { Outbox } from './outbox.ts';
import { Session } from './session.ts';
import type { Dialect, Kind } from './types.ts';
import { delta, stateOfTheWorld, type Variant } from './variants.ts';
import { World } from './world.ts';

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

  function noteRefusal(grant: MeshGrant, object: string, kind: Kind, message: string): void {
    refusals.inc({ kind });
    const refusal = { at: new Date().toISOString(), kind, message: message.slice(0, 2_000) };
    if (lastRefusals.get(grant.appId)?.message === refusal.message) return;
    lastRefusals.set(grant.appId, refusal);
    log.warn({ app: grant.appId, kind, reason: refusal.message }, 'a client refused what it was told');
    const annotations = { [meshRefusalAnnotation]: JSON.stringify(refusal) };
    kube
      .patch('configmaps', { name: object, namespace: grant.namespace }, { metadata: { annotations } })
      .catch((error: unknown) => log.warn({ reason: messageOf(error) }, 'cannot note a refusal'));
  }

  async function* serve<Request extends { node?: Node | undefined }, Reply>(
    requests: AsyncIterable<Request>,
    context: HandlerContext,
    variant: Variant<Request, Reply>,
  ): AsyncGenerator<Reply> {
    const outbox = new Outbox<Reply>();
    let leave: (() => void) | undefined;
    const reading = (async () => {
      let session: Session | undefined;
      for await (const request of requests) {
        if (!session) {
          const grant = readGrant(verifier, request.node);
          await Promise.race([known, sleep(firstReadMs, context.signal).catch(() => undefined)]);
          const joined = audience.join(grant, dialectOf(request.node), (snapshot) => {
            return new Session({
              snapshot,
              tellsRemoval: variant.tellsRemoval,
              send: (response) => {
                responses.inc({ kind: response.kind });
                outbox.push(variant.render(response));
              },
              onRefusal: (kind, message) => noteRefusal(grant, joined.object, kind, message),
            });
          });
          ({ session, leave } = joined);
        }
        variant.hear(session, request);
      }
    })();
    reading.then(
      () => outbox.end(),
      (error: unknown) => outbox.end(error),
    );
    context.signal.addEventListener('abort', () => outbox.end(), { once: true });
    try {
      yield* outbox;
    } finally {
      leave?.();
    }
  }

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
          routes: (router) =>
            router.service(AggregatedDiscoveryService, {
              streamAggregatedResources: (requests, context) => serve(requests, context, stateOfTheWorld),
              deltaAggregatedResources: (requests, context) => serve(requests, context, delta),
            }),
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

/** Throws UNAUTHENTICATED without a grant, FORBIDDEN with one that is not ours. */
function readGrant(verifier: GrantVerifier, node: Node | undefined): MeshGrant {
  const token = node?.metadata?.['grant'];
  if (typeof token !== 'string') {
    throw new AppError('UNAUTHENTICATED', 'The client shows no grant in its node metadata');
  }
  return verifier.open(meshGrant, token);
}

function dialectOf(node: Node | undefined): Dialect {
  return /^grpc/i.test(node?.userAgentName ?? '') ? 'grpc' : 'envoy';
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
