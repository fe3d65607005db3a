import type { EventLogClient } from '@skyarc/lib/eventlog-client';
import type { SecretBox } from '@skyarc/lib/secretbox';
import type { Changes } from './changes.ts';
import type { ClusterReads } from './cluster-reads.ts';
import type { MqOperator } from '@skyarc/lib/mq-client';
import type { Cluster } from './cluster.ts';
import type { Nodes } from './nodes/nodes.ts';
import type { ResolvedApiConfig } from './config.ts';
import type { Gateways } from './gateways.ts';
import type { Health } from './health.ts';
import type { MonitorClient } from './monitoring/client.ts';
import type { OutboxRelay } from './outbox-relay.ts';
import type { ApiRepository } from './repository.ts';
import type { Slugs } from './builds/slugs.ts';
import type { Uploads } from './sources/uploads.ts';
import type { Terminals } from './terminals/terminals.ts';
import type { RunRepository } from './run-repository.ts';

/** What the room's resolvers and commands work with. */
export interface Api {
  readonly config: ResolvedApiConfig;
  readonly repository: ApiRepository;
  readonly runs: RunRepository;
  readonly secretBox: SecretBox;
  readonly cluster: Cluster;
  readonly nodes: Nodes;
  readonly reads: ClusterReads;
  readonly gateways: Gateways;
  readonly changes: Changes;
  readonly eventLog: EventLogClient;
  readonly relay: OutboxRelay;
  readonly queue: MqOperator;
  readonly monitor: MonitorClient;
  readonly health: Health;
  readonly terminals: Terminals;
  readonly uploads: Uploads;
  readonly slugs: Slugs;
}
