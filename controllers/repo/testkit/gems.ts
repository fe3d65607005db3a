import { hash } from 'node:crypto';
import { type Gem, gemOf } from '@skyarc/lib/archive/testing';
import type { FixtureUpstream } from './upstream.ts';

/** Publishes gems below `/rubygems/` and tells of them in its index; answers the path of the last one's file. */
export async function putGems(upstream: FixtureUpstream, ...gems: readonly Gem[]): Promise<string> {
  const versions: string[] = [];
  let path = '';
  for (const gem of gems) {
    const { name, version, dependencies = {} } = gem;
    const file = await gemOf(gem);
    path = `/rubygems/gems/${name}-${version}.gem`;
    upstream.put(path, file);
    const needs = Object.entries(dependencies).map(([of, wanted]) => `${of}:${wanted.join('&') || '>= 0'}`);
    const info = `---\n${version} ${needs.join(',')}|checksum:${hash('sha256', file, 'hex')}\n`;
    upstream.put(`/rubygems/info/${name}`, info, 'text/plain');
    versions.push(`${name} ${version} ${hash('md5', info, 'hex')}`);
  }
  const head = 'created_at: 2020-01-01T00:00:00Z\n---\n';
  upstream.put('/rubygems/versions', `${head}${versions.join('\n')}\n`, 'text/plain');
  return path;
}
