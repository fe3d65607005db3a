// A gateway in a process of its own, for the bench that kills it. Its argument is its configuration as JSON.
import { start } from '@skyarc/controllers/gateway';
import { setLogLevel } from '@skyarc/lib/log';

setLogLevel('error');
const gateway = await start(JSON.parse(process.argv[2] ?? '{}'));
process.send?.('started');
const timer = setInterval(() => {
  if (gateway.controller.clusterSilenceSec > 5) return;
  process.send?.('synced');
  clearInterval(timer);
}, 5);
