import { clientDefaults, clientFileHosts } from '@skyarc/lib/contracts';
import { run } from '@skyarc/lib/process';
import type { Upstream } from '../../store/upstream.ts';
import { upstreamsOf } from '../../upstreams.ts';

/** Proxies of GOPROXY, from the environment or Go's own settings; "direct" and "off" are left out. */
export async function discover(env: Readonly<Record<string, string>>): Promise<readonly Upstream[]> {
  const set = env['GOPROXY'] ?? (await ask());
  const found = upstreamsOf(set);
  const isOff = set.split(/[,|]/).some((one) => ['off', 'direct'].includes(one.trim()));
  return (found.length > 0 || isOff ? found : upstreamsOf(clientDefaults.go)).map((one) => ({
    ...one,
    fileHosts: [clientFileHosts.go],
  }));
}

async function ask(): Promise<string> {
  const answer = await run('go', ['env', 'GOPROXY'], { timeoutMs: 20_000 }).catch(() => null);
  return answer?.code === 0 ? answer.stdout.trim() : '';
}
