import { start, type EmbeddedInput } from '../../main.ts';

/** A cluster in a process of its own, so that a test can kill it; its configuration comes as a message. */
process.on('message', (config: EmbeddedInput) => {
  void start(config).then(
    () => process.send?.('ready'),
    (error: unknown) => process.send?.(String(error)),
  );
});
