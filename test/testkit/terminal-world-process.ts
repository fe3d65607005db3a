import { TerminalWorld, type TerminalWorldOptions } from './terminal-world.ts';

/** A TerminalWorld in a process of its own, with one app: so that who measures does not disturb what is measured. */
const options = JSON.parse(process.argv[2] ?? '') as TerminalWorldOptions;
const world = await TerminalWorld.start(options);
const { ann, groupId } = await world.claim();
const app = await world.runApp('blue', groupId, ['node', '-e', 'setInterval(() => 0, 1000)']);
await ann.dispose();
process.send?.({ url: world.console.url, kubeconfig: world.cluster.kubeconfig, ...app });
process.once('message', () => {
  void world.stop().then(() => process.exit());
});
