import type { Caller } from './access.ts';
import type { Catalogue } from './store/catalogue.ts';

interface BrowseOptions {
  readonly catalogue: Catalogue;
  readonly caller: Caller;
  readonly words: string;
  /** Formats with their clients' settings. */
  readonly formats: readonly { readonly name: string; readonly title: string; readonly setup: string }[];
  /** Names of packages that the team published and the catalogue does not know. */
  readonly own: readonly { readonly format: string; readonly name: string }[];
}

const shownFiles = 200;

/** The page for people: what is here, how clients are told, a search by name. Pure HTML without scripts. */
export function renderBrowse({ catalogue, caller, words, formats, own }: BrowseOptions): string {
  const counts = catalogue.counts(caller.team);
  const rows = formats.map(({ name, title, setup }) => {
    const cached = counts.find((one) => one.format === name && !one.isPrivate);
    const published = counts.find((one) => one.format === name && one.isPrivate);
    const ours = (published?.packages ?? 0) + own.filter(({ format }) => format === name).length;
    const cells = [title, cached?.packages ?? 0, cached?.files ?? 0, sizeOf(cached?.bytes ?? 0), ours];
    return `<tr>${cells.map((cell) => `<td>${escape(String(cell))}</td>`).join('')}<td><code>${escape(setup)}</code></td></tr>`;
  });
  const who = caller.team
    ? `Packages that everybody may have, and those of team ${caller.team}.`
    : 'Packages that everybody may have.';
  const hint = caller.team
    ? ''
    : ' Log in with any user name and a token of your team as password to see its own.';
  return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Packages</title><style>
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#1f2329}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.35rem .8rem .35rem 0;border-bottom:1px solid #e5e6eb}
code{font-size:13px;overflow-wrap:anywhere}input{font:inherit;padding:.3rem .6rem;width:20rem}</style></head><body>
<h1>Packages</h1><p>${escape(who + hint)}</p>
<table><tr><th>Format</th><th>Packages</th><th>Files</th><th>Size</th><th>Published by your team</th><th>Client</th></tr>
${rows.join('\n')}</table>
<form action="/" method="get"><p><label>Name has <input name="q" maxlength="100" value="${escape(words)}"></label> <button>Search</button></p></form>
${words ? renderFound({ catalogue, caller, words, own }) : ''}</body></html>
`;
}

function renderFound({ catalogue, caller, words, own }: Omit<BrowseOptions, 'formats'>): string {
  const files = catalogue.search(caller.team, words, shownFiles);
  const published = own.filter(({ name }) => name.includes(words));
  if (files.length + published.length === 0) return '<p>Nothing that is kept has that in its name.</p>';
  const lines = [
    ...published.map(({ format, name }) => [format, name, '', '', caller.team]),
    ...files.map(({ format, name, path, size, team }) => [format, name, path, sizeOf(size), team]),
  ].map((cells) => `<tr>${cells.map((cell) => `<td>${escape(cell)}</td>`).join('')}</tr>`);
  const more = files.length === shownFiles ? `<p>The first ${shownFiles} are shown.</p>` : '';
  return `<table><tr><th>Format</th><th>Name</th><th>File</th><th>Size</th><th>Team</th></tr>
${lines.join('\n')}</table>${more}`;
}

function sizeOf(bytes: number): string {
  const unit = Math.min(3, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${(bytes / 1024 ** unit).toFixed(unit === 0 ? 0 : 1)} ${['B', 'KiB', 'MiB', 'GiB'][unit]}`;
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`);
}
