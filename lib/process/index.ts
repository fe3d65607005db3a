export { run, type RunOptions, type RunResult } from './run.ts';
export { useSpawner } from './spawner.ts';
export { Daemon, type DaemonOptions } from './daemon.ts';
export { findLivePid, identityOf, livePidOf } from './identity.ts';
export { serviceFlags } from './service-flags.ts';
