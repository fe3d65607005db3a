import { clientDefaults, clientFileHosts } from '@skyarc/lib/contracts';
import { run } from '@skyarc/lib/process';
import type { Upstream } from '../../store/upstream.ts';
import { upstreamsOf } from '../../upstreams.ts';

/** Index and extra indexes of pip's configuration. */
export async function discover(env: Readonly<Record<string, string>>): Promise<readonly Upstream[]> {
  const answer = await run('pip', ['config', 'list'], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    timeoutMs: 20_000,
  }).catch(() => null);
  return indexesOf(answer?.code === 0 ? answer.stdout : '', env);
}

/** Pure: from what `pip config list` prints and the environment, which wins. */
export function indexesOf(listed: string, env: Readonly<Record<string, string>>): readonly Upstream[] {
  const at = (name: string) =>
    new RegExp(`^(?:global|install)\\.${name}='(.*)'$`, 'm')
      .exec(listed)?.[1]
      ?.replaceAll(String.raw`\n`, ' ');
  const main = upstreamsOf(env['PIP_INDEX_URL'] ?? at('index-url') ?? '');
  const extra = upstreamsOf(env['PIP_EXTRA_INDEX_URL'] ?? at('extra-index-url') ?? '');
  return [...(main.length > 0 ? main : upstreamsOf(clientDefaults.pypi)), ...extra].map((one) => ({
    ...one,
    fileHosts: [clientFileHosts.pypi],
  }));
}
