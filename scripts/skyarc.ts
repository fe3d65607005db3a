/**
 * The command of one machine: `skyarc up | run <process> | down [--purge] | token <team> | doctor`.
 * Configuration comes from `SKYARC_*` variables, see docs/configuration.md.
 */
import { enableCompileCache, flushCompileCache } from 'node:module';
import { join } from 'node:path';
import { teamName } from '@skyarc/lib/contracts';
import { AppError, messageOf } from '@skyarc/lib/errors';
import { setLogLevel } from '@skyarc/lib/log';
import { isRunnableName, processNames, runProcess, serviceNames } from './compose/processes.ts';
import { readTopology } from './compose/topology.ts';

// What was compiled once is read from there by the next start, which is a third quicker for it.
enableCompileCache(join(import.meta.dirname, '../node_modules/.cache/node'));
/** A process that runs is past its loading then; one that is killed leaves what it compiled all the same. */
const loadedAfterMs = 30_000;

const runnable = [...processNames, ...serviceNames].join(', ');
const usage = `Usage: skyarc <command>
  up               start everything on this machine and stay in the foreground
  run <process>    run one of: ${runnable}
  down [--purge]   stop everything, apps too; with --purge remove all state and every trace on the host
  token <team> [--publish] [--days=90]
                   print a token for the team's packages, to read or also to publish
  doctor           list what Skyarc has on this machine, and what is wrong with it`;

/** Each command loads only what it needs: the supervisor stays small. */
async function main([command, ...args]: readonly string[]): Promise<number> {
  const topology = readTopology(process.env);
  setLogLevel(topology.logLevel);
  switch (command) {
    case 'up':
      return (await import('./compose/up.ts')).up(topology, { isDevelopment: args.includes('--dev') });
    case 'run':
      if (!isRunnableName(args[0])) break;
      return runProcess(args[0], topology);
    case 'down':
      return (await import('./compose/down.ts')).down(topology, { purge: args.includes('--purge') });
    case 'token':
      if (!teamName.safeParse(args[0]).success) break;
      console.log(await (await import('./compose/repo.ts')).makeRepoToken(topology, readTokenRequest(args)));
      return 0;
    case 'doctor':
      return (await import('./compose/doctor.ts')).doctor(topology);
  }
  console.error(usage);
  return 2;
}

function readTokenRequest([team = '', ...options]: readonly string[]) {
  const days = Number(/^--days=(\d{1,4})$/m.exec(options.join('\n'))?.[1] ?? 90);
  return { team, mayPublish: options.includes('--publish'), days };
}

// A terminal or pipe that goes away must not take a control plane with it.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);
setTimeout(flushCompileCache, loadedAfterMs).unref();

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof AppError && error.code !== 'INTERNAL' ? error.message : error);
  if (!(error instanceof AppError)) console.error(messageOf(error));
  process.exitCode = 1;
}
