import { resolve } from 'node:path';
import { Stack } from '@skyarc/lib/lifecycle';
import { start } from '@skyarc/server';
import { consoleCertificateOf } from './certificates.ts';
import type { StartedProcess } from './processes.ts';
import { announceService } from './status.ts';
import type { Topology } from './topology.ts';
import { nearbyTerminalsOf } from './webcli.ts';

const root = resolve(import.meta.dirname, '../..');

/** The console layer: router, subgraphs and the console's pages. */
export async function startConsole(topology: Topology): Promise<StartedProcess> {
  const { host, ports, dataCenter } = topology;
  const running = await start({
    host,
    port: ports.console,
    statusPort: ports.consoleStatus,
    databaseFile: topology.path('data', 'console.db'),
    tls: await consoleCertificateOf(topology),
    dataCenters: [
      { name: dataCenter, displayName: 'This machine', apiUrl: `https://127.0.0.1:${ports.api}` },
    ],
    nearbyTerminals: nearbyTerminalsOf(topology),
    webRoot: resolve(root, 'web/out'),
    samplesFolder: resolve(root, 'samples'),
    // `npm run dev` serves the pages from a port of its own.
    publicOrigins: [`http://localhost:${ports.console + 1000}`],
  });
  const { claimToken } = running;
  const stack = new Stack();
  stack.add(() => running.stop());
  stack.add(await announceService(topology, 'console'));
  return { stop: () => stack.stop(), facts: { about: running.url, ...(claimToken && { claimToken }) } };
}
