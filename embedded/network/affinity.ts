import { run } from '@skyarc/lib/process';
import { affinityPrefix } from './ruleset.ts';
import type { TableModel } from './table.ts';

interface Listing {
  readonly nftables: readonly {
    readonly set?: {
      readonly name: string;
      readonly elem?: readonly { readonly elem: { readonly val: string; readonly expires?: number } }[];
    };
  }[];
}

/** Commands that tell a new table which clients are with which endpoints, as the one that it replaces knew them. */
export async function readAffinity(table: string, model: TableModel): Promise<string> {
  if (![...model.sets.keys()].some((name) => name.startsWith(affinityPrefix))) return '';
  const { code, stdout } = await run('nft', ['-j', 'list', 'table', 'ip', table], { keepBytes: 64 << 20 });
  if (code !== 0) return '';
  return (JSON.parse(stdout) as Listing).nftables
    .flatMap(({ set }) => {
      if (!set?.elem || !set.name.startsWith(affinityPrefix) || !model.sets.has(set.name)) return [];
      const clients = set.elem.flatMap(({ elem }) =>
        elem.expires ? [`${elem.val} expires ${elem.expires}s`] : [],
      );
      return clients.length > 0 ? [`add element ip ${table} ${set.name} { ${clients.join(', ')} }\n`] : [];
    })
    .join('');
}
