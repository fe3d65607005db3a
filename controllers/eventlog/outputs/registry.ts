import type { LogOutputKind } from '@skyarc/lib/contracts';
import { sendElasticsearch } from './elasticsearch.ts';
import { sendLoki } from './loki.ts';
import type { Delivery } from './output.ts';
import { sendSyslog } from './syslog.ts';

const senders = { SYSLOG: sendSyslog, LOKI: sendLoki, ELASTICSEARCH: sendElasticsearch } as const;

/** Sends by the kind's own way; see `Send`. */
export function send(kind: LogOutputKind, delivery: Delivery): Promise<void> {
  return (senders[kind] as (delivery: Delivery) => Promise<void>)(delivery);
}
