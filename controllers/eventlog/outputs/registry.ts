import type { LogOutputKind } from '@skyarc/lib/contracts';
import { sendElasticsearch } from './elasticsearch.ts';
import { sendLoki } from './loki.ts';
import type { Delivery, Send } from './output.ts';
import { sendSyslog } from './syslog.ts';

/** Each kind's own way. */
const senders: { readonly [Kind in LogOutputKind]: Send<Kind> } = {
  SYSLOG: sendSyslog,
  LOKI: sendLoki,
  ELASTICSEARCH: sendElasticsearch,
};

/** Sends by the kind's own way; see `Send`. */
export function send<Kind extends LogOutputKind>(kind: Kind, delivery: Delivery<Kind>): Promise<void> {
  return senders[kind](delivery);
}
