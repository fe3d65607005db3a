import { messageOf } from '@skyarc/lib/errors';
import { apiConfigOf } from './datacenter-configs.ts';
import { enginesOf, hostObjectsOf, nodeProcessesOf } from './inventory.ts';
import type { Topology } from './topology.ts';

/** Prints what Skyarc has on this machine and whether each service is healthy; 1 when one is not. */
export async function doctor(topology: Topology): Promise<number> {
  console.log(`Instance ${topology.instance}, state in ${topology.home}\n`);
  list('Node processes', (await nodeProcessesOf(topology)).map(describe));
  list('Engines', (await enginesOf(topology)).map(describe));
  list('On the host', await hostObjectsOf(topology));
  const { services = [] } = await apiConfigOf(topology);
  const own = [
    { name: 'console', url: `http://127.0.0.1:${topology.ports.consoleStatus}/healthz` },
    { name: 'api', url: `http://127.0.0.1:${topology.ports.apiStatus}/healthz` },
  ];
  const problems = await Promise.all([...own, ...services].map(problemOf));
  const found = problems.filter((problem) => problem !== undefined);
  list('Services', found.length > 0 ? found : ['all healthy']);
  return found.length > 0 ? 1 : 0;
}

function describe({ pid, command }: { pid: number; command: string }): string {
  return `${pid}  ${command}`;
}

function list(title: string, lines: readonly string[]): void {
  console.log(`${title}:`);
  for (const line of lines.length > 0 ? lines : ['none']) console.log(`  ${line}`);
  console.log('');
}

async function problemOf({ name, url }: { name: string; url: string }): Promise<string | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(3000) });
    return response.ok ? undefined : `${name}: ${(await response.text()).trim()}`;
  } catch (error) {
    return `${name}: does not answer at ${url} (${messageOf(error)})`;
  }
}
