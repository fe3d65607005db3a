import { glob } from 'node:fs/promises';
import { AppError } from '@skyarc/lib/errors';
import type { GoWish } from '../../base/runtimes/go.ts';
import type { SourceTree } from '../../sources/tree.ts';
import type { Module } from '../buildpack.ts';

/** What go.mod says (go.dev/ref/mod#go-mod-file). */
export interface GoModule extends GoWish {
  readonly path: string;
}

/** Modules without a `go` line are of 1.16. */
const leastOfOld = '1.16';

/** Throws INVALID when it cannot be read. */
export async function readGoModule(source: SourceTree): Promise<GoModule> {
  const text = ((await source.readText('go.mod')) ?? '').replace(/\/\/.*$/gm, '');
  const path = /^\s*module\s+"?([\w~.-]+(?:\/[\w~.-]+)*)"?\s*$/m.exec(text)?.[1];
  if (!path || /(^|\/)\.+($|\/)/.test(path))
    throw new AppError('INVALID', 'go.mod has no line "module <path>"');
  const least = lineOf(text, 'go', /^(\d+\.\d+(?:\.\d+)?)(?:rc\d+|beta\d+)?$/) ?? leastOfOld;
  const exact = lineOf(text, 'toolchain', /^(?:go(\d+\.\d+(?:\.\d+)?)|default)(?:-\S+)?$/);
  return { path, least, exact };
}

function lineOf(text: string, word: string, shape: RegExp): string | null {
  const value = new RegExp(`^\\s*${word}\\s+(\\S+)\\s*$`, 'm').exec(text)?.[1];
  if (value === undefined) return null;
  const found = shape.exec(value);
  if (!found) throw new AppError('INVALID', `go.mod has a strange line: ${word} ${value.slice(0, 60)}`);
  return found[1] ?? null;
}

const ignored = /(^|\/)([._][^/]+|testdata|vendor|node_modules|internal|examples?)(\/|$)/;
const mostFiles = 5_000;

function isIgnored(path: string): boolean {
  return ignored.test(path);
}

/** The packages `main` that can be built for Linux, the one at the top first. */
export async function listPrograms(source: SourceTree, modulePath: string): Promise<readonly Module[]> {
  const found = new Map<string, Module>();
  let count = 0;
  const options = { cwd: source.folder, exclude: isIgnored };
  for await (const path of glob(['*.go', '*/*.go', '*/*/*.go', '*/*/*/*.go'], options)) {
    const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '.';
    if (path.endsWith('_test.go') || isIgnored(folder) || found.has(folder)) continue;
    count += 1;
    if (count > mostFiles) break;
    const text = (await source.readText(path)) ?? '';
    if (!isMain(text)) continue;
    found.set(folder, { name: nameOf(folder, modulePath), path: folder, kind: 'program' });
  }
  return [...found.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

/** As `go build` names it: the last part of the path that is not a major version. */
function nameOf(folder: string, modulePath: string): string {
  const parts = (folder === '.' ? modulePath : folder).split('/');
  const last = parts.at(-1) as string;
  return /^v\d+$/.test(last) && parts.length > 1 ? (parts.at(-2) as string) : last;
}

function isMain(text: string): boolean {
  const clause = /^package\s+(\w+)/m.exec(text.replace(/\/\*[\s\S]*?\*\//g, ''));
  if (clause?.[1] !== 'main') return false;
  const constraint = /^\/\/go:build\s+(.+)$/m.exec(text)?.[1] ?? '';
  return !/^(ignore|tools?|windows|darwin|js|wasm)\b/.test(constraint);
}

/** Ports that Go code listens on as literal numbers; none when it asks PORT. */
export function goPortsIn(text: string): number[] {
  if (/Getenv\("PORT"\)|LookupEnv\("PORT"\)/.test(text)) return [];
  const calls = text.matchAll(/(?:Listen\w*|Run|Start|Addr)\b[^\n"`]*["`][^"`\n]*?:(\d{2,5})["`]/g);
  return [...calls].map((match) => Number(match[1])).filter((port) => port > 0 && port < 65_536);
}
