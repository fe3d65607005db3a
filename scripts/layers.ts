import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';

/** A room is the first one or two folders of a path: `lib/errors`, `server/apps`, `embedded`. */
interface Rule {
  readonly room: RegExp;
  /** Rooms that it may import besides itself, or single entries of them. */
  readonly may: readonly RegExp[];
  /** Why, for the one who broke it. */
  readonly because: string;
}

const leafBricks = /^lib\/(errors|config|log|clock|retry|lifecycle|files)$/;
const bricks = /^lib\/(?!contracts$|.*-client$)/;

/** Who may import whom; the first rule whose room matches decides. See docs/architecture.md. */
export const rules: readonly Rule[] = [
  { room: leafBricks, may: [leafBricks], because: 'leaf bricks know only each other' },
  { room: /^lib\/contracts$/, may: [/^lib\/errors$/], because: 'contracts are words, not behaviour' },
  { room: /^lib\//, may: [/^lib\//], because: 'bricks know nothing of the rooms built with them' },
  { room: /^prisma$/, may: [/^lib\//], because: 'models know nothing of the services that use them' },
  {
    room: /^server\/(main|server\.test)\.ts$/,
    may: [/^server\//, /^lib\//, /^prisma$/],
    because: 'main composes',
  },
  {
    room: /^server\/(host|router)$/,
    may: [/^lib\//, /^prisma$/, /^server\/(host|router|generated)$/],
    because: 'host and router receive the subgraphs, they do not know them',
  },
  {
    room: /^server\//,
    may: [/^lib\//, /^prisma$/, /^server\/(host|generated)$/],
    because: 'subgraphs meet only in the supergraph',
  },
  {
    room: /^controllers\/monitor$/,
    may: [/^lib\//, /^prisma$/, /^sdk\/alerts$/],
    because: 'mails say of alerts what the console says, in the words of the SDK',
  },
  {
    room: /^controllers\//,
    may: [/^lib\//, /^prisma$/],
    because: 'services talk by queue, RPC and cluster objects, not by imports',
  },
  { room: /^embedded$/, may: [bricks], because: 'the embedded cluster has no word of the platform in it' },
  { room: /^sdk$/, may: [], because: 'the SDK stands alone' },
  { room: /^web$/, may: [/^sdk$/], because: 'the console is a client like any other' },
  {
    room: /^(scripts|test)$/,
    may: [
      /^lib\//,
      /^prisma$/,
      /^server\/(main\.ts|host)$/,
      /^server$/,
      /^controllers\//,
      /^embedded$/,
      /^sdk$/,
      /^scripts$/,
      /^test$/,
    ],
    because: 'scripts and tests use public faces',
  },
];

const twoLevel = new Set(['lib', 'server', 'controllers']);
const sourceRooms = ['lib', 'prisma', 'server', 'controllers', 'embedded', 'sdk', 'web', 'scripts', 'test'];
const importPattern =
  /(?:^|\n)\s*(?:import|export)\s[^'";]*?from\s+'([^']+)'|import\(\s*'([^']+)'\s*\)|(?:^|\n)import\s+'([^']+)'/g;

export interface Violation {
  readonly file: string;
  readonly imports: string;
  readonly because: string;
}

/** The room that a path (relative to the root) lies in. */
export function roomOf(path: string): string {
  const [first = '', second] = path.split('/');
  return second && twoLevel.has(first) ? `${first}/${second}` : first;
}

/** The path that an import leads to inside the project, or null for a package of others. */
export function targetOf(file: string, specifier: string): string | null {
  if (specifier.startsWith('.')) return relative('/', resolve('/', dirname(file), specifier));
  const own = /^@skyarc\/([a-z]+)(?:\/(.+))?$/.exec(specifier);
  if (!own?.[1]) return null;
  return own[2] ? `${own[1]}/${own[2]}` : own[1];
}

/** Imports of one file that the table forbids. */
export function violationsOf(file: string, source: string): Violation[] {
  const room = roomOf(file);
  const rule = rules.find((one) => one.room.test(room));
  if (!rule) return [{ file, imports: '', because: `room ${room} is not in the table of scripts/layers.ts` }];
  return [...source.matchAll(importPattern)].flatMap((match) => {
    const target = targetOf(file, match[1] ?? match[2] ?? match[3] ?? '');
    if (target === null) return [];
    const targetRoom = roomOf(target);
    const isAllowed = (one: RegExp) => one.test(targetRoom) || one.test(target);
    const isFine = targetRoom === room || rule.may.some(isAllowed);
    return isFine ? [] : [{ file, imports: target, because: rule.because }];
  });
}

/** Every forbidden import of the tree below the root. */
export async function findViolations(root: string): Promise<Violation[]> {
  const files = (await Promise.all(sourceRooms.map((room) => sourcesBelow(root, room)))).flat();
  const found = await Promise.all(
    files.map(async (file) => violationsOf(file, await readFile(join(root, file), 'utf8'))),
  );
  return found.flat();
}

async function sourcesBelow(root: string, folder: string): Promise<string[]> {
  const entries = await readdir(join(root, folder), { withFileTypes: true, recursive: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile() && /\.(ts|tsx|mts)$/.test(entry.name) && !entry.name.endsWith('.d.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((file) => !/(^|\/)(node_modules|\.next|out|dist|generated|fixtures)\//.test(file));
}
