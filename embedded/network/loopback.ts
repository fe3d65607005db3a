import { readFile, writeFile } from 'node:fs/promises';
import { listRoutes } from './link.ts';
import { nft } from './nft.ts';

/**
 * Lets answers of these pods come back to 127.0.0.1, as node ports on loopback need it: the kernel takes them only
 * from links that say so (`route_localnet`). Ours alone are told, and nothing that names a loopback address itself is
 * let in by them: that stays as closed as it was.
 */
export async function openLoopback(table: string, podAddresses: readonly string[]): Promise<void> {
  if (podAddresses.length === 0) return;
  const linkOf = new Map((await listRoutes('0.0.0.0/0')).map(({ dst, dev }) => [dst, dev]));
  for (const address of podAddresses) {
    const link = linkOf.get(address);
    if (!link || !/^[\w.-]+$/.test(link)) continue;
    const setting = `/proc/sys/net/ipv4/conf/${link}/route_localnet`;
    if ((await readFile(setting, 'utf8').catch(() => '1')).trim() === '1') continue;
    await nft(`add element ip ${table} loopback_links { "${link}" }\n`);
    await writeFile(setting, '1');
  }
}
