import { start } from '@skyarc/controllers/chaos';
import { createEventLogClient } from '@skyarc/lib/eventlog-client';
import { createMqClient } from '@skyarc/lib/mq-client';
import { SecretBox } from '@skyarc/lib/secretbox';
import { openDataCenterDatabase } from '@skyarc/prisma/datacenter';
import type { NodeOptions } from './build-nodes.ts';

/** A builder in a process of its own, so that a test may kill it. */
const { config, databaseFile, mqUrl, eventLogUrl } = JSON.parse(process.argv[2] ?? '') as NodeOptions;
const service = await start(config, {
  db: await openDataCenterDatabase({ file: databaseFile }),
  mq: createMqClient(mqUrl),
  eventlog: createEventLogClient(eventLogUrl),
  secretBox: new SecretBox(Buffer.alloc(32, 7)),
});
process.send?.(service.url);
process.once('message', () => {
  void service.stop().then(() => process.exit());
});
process.once('disconnect', () => process.exit());
