// A service of the platform in a process of its own, for tests that kill it. Arguments: the folder and its name there;
// it is not well from the moment that it is sent why.
import { announce } from '@skyarc/lib/presence';
import { createRegistry, startStatusServer } from '@skyarc/lib/status';

let problem: string | undefined;
process.on('message', (why: string) => (problem = why));
const [, , folder = '', name = ''] = process.argv;
const status = await startStatusServer({
  host: '127.0.0.1',
  port: 0,
  registry: createRegistry(name),
  health: () => problem,
});
const takeBack = await announce(folder, { name, url: status.url });
process.send?.('here');
process.once('SIGTERM', () => {
  void takeBack()
    .then(() => status.stop())
    .then(() => process.exit());
});
