import { type EmbeddedInput, start } from '@skyarc/embedded';

/** Forked: runs one cluster of the configuration that comes first, until it is told to end. */
process.once('message', (config: EmbeddedInput) => {
  start(config).then(
    (cluster) => {
      process.once('disconnect', () => void cluster.stop().finally(() => process.exit()));
      process.send?.({ kubeconfig: cluster.kubeconfigFile });
    },
    (error: unknown) => {
      process.send?.({ failure: String(error) });
      process.disconnect();
    },
  );
});
