import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const aptFolder = '/etc/apt';

/**
 * This machine's own sources for one Debian release, as one-line entries (sources.list(5)); empty when it
 * has none, as on a machine with another release. Sources of third parties are left out.
 */
export async function aptSourcesOf(release: string, folder = aptFolder): Promise<string[]> {
  const parts = await readdir(join(folder, 'sources.list.d')).catch(() => []);
  const files = [
    'sources.list',
    ...parts.toSorted((a, b) => (a < b ? -1 : 1)).map((name) => join('sources.list.d', name)),
  ];
  const found: string[] = [];
  for (const name of files) {
    const text = await readFile(join(folder, name), 'utf8').catch(() => '');
    found.push(...(name.endsWith('.sources') ? parseDeb822(text) : parseLines(text)));
  }
  const suites = new Set(['', '-updates', '-security'].map((suffix) => release + suffix));
  return [...new Set(found)].filter((line) => {
    const [suite = '', ...components] = line.replace(/^deb (\[[^\]]*\] )?\S+ /, '').split(' ');
    return suites.has(suite) && components.includes('main');
  });
}

function parseLines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim().replace(/\s+/g, ' '))
    .filter((line) => line.startsWith('deb '));
}

/** Stanzas of `Field: value` with continuation lines. */
function parseDeb822(text: string): string[] {
  return text.split(/\n\s*\n/).flatMap((stanza) => {
    const lines = stanza.split('\n').filter((line) => !line.startsWith('#'));
    const fields = new Map<string, string>();
    let name = '';
    for (const line of lines) {
      const field = /^([A-Za-z-]+):(.*)$/.exec(line);
      if (field) name = (field[1] as string).toLowerCase();
      fields.set(name, `${fields.get(name) ?? ''} ${field ? field[2] : line}`.trim());
    }
    const words = (field: string) => (fields.get(field) ?? '').split(/\s+/).filter(Boolean);
    if (fields.get('enabled') === 'no' || !words('types').includes('deb')) return [];
    const key = fields.get('signed-by');
    const options = key?.startsWith('/') ? `[signed-by=${key}] ` : '';
    return words('uris').flatMap((uri) =>
      words('suites').map((suite) => ['deb', `${options}${uri}`, suite, ...words('components')].join(' ')),
    );
  });
}
