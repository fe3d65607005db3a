import { collectGarbage } from '../storage/collect.ts';
import { RegistryStore } from '../storage/store.ts';

/** Collects without a pause until it is killed: `<store> <trash> <grace in ms>`. */
const [root = '', trash = '', graceMs = ''] = process.argv.slice(2);
for (;;) await collectGarbage({ store: new RegistryStore(root), trash, graceMs: Number(graceMs) });
