/** Feeds a name server and waits to be killed: `feed-names.ts <folder> <host> <port>`, the state comes as a message. */
import { createLogger } from '@skyarc/lib/log';
import { NamesServer } from '../dns/names.ts';
import type { NamesState } from '../dns/state.ts';

const [folder = '', host = '', port = ''] = process.argv.slice(2);
process.once('message', (state: NamesState) => {
  const server = new NamesServer(
    { folder, host, port: Number(port), metricsPort: 9_153 },
    () => state,
    createLogger('feeder'),
  );
  void server.start().then((facts) => process.send?.(facts));
});
