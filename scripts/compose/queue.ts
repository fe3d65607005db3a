import { randomBytes } from 'node:crypto';
import type { MqConfig } from '@skyarc/controllers/mq';
import { topics } from '@skyarc/lib/contracts';
import type { Stack } from '@skyarc/lib/lifecycle';
import { createMqClient, type MqClient, mqTokenOf } from '@skyarc/lib/mq-client';
import { ensureSecretFile } from '@skyarc/lib/oci';
import { etcdPrefixesOf, etcdUrlOf } from './engines.ts';
import type { Topology } from './topology.ts';

const { build, runtime, examine } = topics;

/** What each service may do with the queue; what is not said here is refused. */
const rights = {
  // Whoever commits tasks passes on what waits in the outbox, whoever it is for.
  api: { publish: [build, runtime, examine], operate: true },
  chaos: {
    publish: [build, runtime, examine],
    subscribe: [build, `${build}.dead`, examine, `${examine}.dead`],
  },
  worker: { subscribe: [runtime, `${runtime}.dead`] },
} satisfies NonNullable<MqConfig['access']>['services'];

export async function mqConfigOf(topology: Topology): Promise<MqConfig> {
  const { ownPorts: ports } = topology;
  return {
    port: ports.mq,
    statusPort: ports.mqStatus,
    etcdUrl: etcdUrlOf(topology),
    prefix: etcdPrefixesOf(topology).mq,
    access: { secret: await secretOf(topology), services: rights },
  };
}

/** The queue as a service may use it; connected at its first use. */
export async function queuesOf(
  topology: Topology,
  stack: Stack,
): Promise<(service: keyof typeof rights) => MqClient> {
  const secret = await secretOf(topology);
  return (service) => {
    const token = mqTokenOf(secret, service);
    return stack.use(createMqClient(topology.mqUrls.join(), { token }), (client) => client.close());
  };
}

function secretOf({ path }: Topology): Promise<string> {
  return ensureSecretFile(path('keys', 'mq.key'), () => randomBytes(32).toString('base64url'));
}
