import { createHash } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { createGzip, gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';

export interface Gem {
  readonly name: string;
  readonly version: string;
  /** Requirements by name. */
  readonly dependencies?: Readonly<Record<string, readonly string[]>>;
  readonly ruby?: string;
  /** Ruby text of `lib/<name>.rb`. */
  readonly text?: string;
}

/** A gem as `gem build` makes it. */
export async function gemOf({
  name,
  version,
  dependencies = {},
  ruby = '>= 0',
  text = '',
}: Gem): Promise<Buffer> {
  const metadata = [
    '--- !ruby/object:Gem::Specification',
    `name: ${name}`,
    `version: !ruby/object:Gem::Version\n  version: '${version}'`,
    'platform: ruby',
    'authors: []',
    `date: 2020-01-01 00:00:00.000000000 Z`,
    Object.keys(dependencies).length === 0 ? 'dependencies: []' : 'dependencies:',
    ...Object.entries(dependencies).map(([of, wanted]) =>
      [
        '- !ruby/object:Gem::Dependency',
        `  name: ${of}`,
        `  requirement: ${requirementOf(wanted, '    ')}`,
        '  type: :runtime',
        '  prerelease: false',
      ].join('\n'),
    ),
    `files:\n- lib/${name}.rb`,
    'require_paths:\n- lib',
    `required_ruby_version: ${requirementOf([ruby], '  ')}`,
    `required_rubygems_version: ${requirementOf([], '  ')}`,
    'rubygems_version: 3.3.15',
    'specification_version: 4',
    `summary: a test`,
    '',
  ].join('\n');
  const data = pack();
  data.entry({ name: `lib/${name}.rb`, mtime: new Date(0) }, text);
  data.finalize();
  const files = { 'metadata.gz': gzipSync(metadata), 'data.tar.gz': await buffer(data.pipe(createGzip())) };
  const sums = ['SHA256', 'SHA512'].map((algorithm) => {
    const lines = Object.entries(files).map(
      ([file, body]) => `  ${file}: ${createHash(algorithm.toLowerCase()).update(body).digest('hex')}`,
    );
    return `${algorithm}:\n${lines.join('\n')}`;
  });
  const gem = pack();
  for (const [file, body] of Object.entries({
    ...files,
    'checksums.yaml.gz': gzipSync(`---\n${sums.join('\n')}\n`),
  }))
    gem.entry({ name: file, mode: 0o444, mtime: new Date(0) }, body);
  gem.finalize();
  return buffer(gem);
}

function requirementOf(wanted: readonly string[], indent: string): string {
  const pairs = (wanted.length > 0 ? wanted : ['>= 0']).map((one) => one.split(' ') as [string, string]);
  const lines = pairs.map(
    ([how, of]) =>
      `${indent}- - "${how}"\n${indent}  - !ruby/object:Gem::Version\n${indent}    version: '${of}'`,
  );
  return `!ruby/object:Gem::Requirement\n${indent}requirements:\n${lines.join('\n')}`;
}
