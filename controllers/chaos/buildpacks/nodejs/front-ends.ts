import { AppError } from '@skyarc/lib/errors';
import type { SourceTree } from '../../sources/tree.ts';
import type { Project } from '../settings.ts';
import { dependsOn, type PackageJson } from './package-json.ts';

/** A build whose result is files for a web server. */
export interface FrontEnd {
  /** For a person: `Vite`. */
  readonly framework: string;
  /** Folder of the result, relative to the package. */
  readonly folder: string;
  /** Its pages are one: unknown paths get it too. */
  readonly isSinglePage: boolean;
}

/** A Next.js server that brings what it needs of node_modules (`output: 'standalone'`). */
export interface NextServer {
  readonly isStandalone: boolean;
  readonly distDir: string;
}

/** Commands of package.json that serve for development only, or only what a build made. */
const notServers =
  /^(?:cross-env .*)?(?:react-scripts start|vite(?: preview| serve| dev)?(?: .*)?|vue-cli-service serve|ng serve|next dev|astro (?:dev|preview)|gatsby (?:develop|serve)|docusaurus (?:start|serve)|vitepress (?:dev|preview|serve).*)(?: .*)?$/;

/** The first member that a package depends on says where its result lies. */
interface Framework {
  readonly name: string;
  readonly dependency: string;
  readonly folder: (source: SourceTree) => Promise<string>;
  readonly isSinglePage: boolean;
}

const frameworks: readonly Framework[] = [
  { name: 'Create React App', dependency: 'react-scripts', folder: fixed('build'), isSinglePage: true },
  {
    name: 'Vue CLI',
    dependency: '@vue/cli-service',
    folder: configured('vue.config', 'outputDir', 'dist'),
    isSinglePage: true,
  },
  { name: 'Angular', dependency: '@angular/cli', folder: angularFolder, isSinglePage: true },
  { name: 'Gatsby', dependency: 'gatsby', folder: fixed('public'), isSinglePage: false },
  { name: 'Docusaurus', dependency: '@docusaurus/core', folder: fixed('build'), isSinglePage: false },
  { name: 'VitePress', dependency: 'vitepress', folder: vitepressFolder, isSinglePage: false },
  {
    name: 'Astro',
    dependency: 'astro',
    folder: configured('astro.config', 'outDir', 'dist'),
    isSinglePage: false,
  },
  {
    name: 'Vite',
    dependency: 'vite',
    folder: configured('vite.config', 'outDir', 'dist'),
    isSinglePage: true,
  },
];
/** Frameworks that build with Vite, but for a server of their own. */
const withServers = [
  '@sveltejs/kit',
  '@remix-run/dev',
  '@react-router/dev',
  '@tanstack/react-start',
  'nuxt',
  '@solidjs/start',
];

/** What of a package a web server can show as it is; null when a program serves it. */
export async function findFrontEnd(
  source: SourceTree,
  pkg: PackageJson,
  project: Project,
): Promise<FrontEnd | null> {
  if (project.documentRoot !== null)
    return { framework: 'Front end', folder: project.documentRoot, isSinglePage: await isOnePage(source) };
  const marked = await source.readText('nodestatic.json');
  if (marked !== null) return { framework: 'Front end', folder: staticPath(marked), isSinglePage: true };
  if (project.run.processes['web'] || (pkg.scripts['build'] === undefined && !project.buildCommand))
    return null;
  const next = dependsOn(pkg, 'next') ? await configText(source, 'next.config') : null;
  if (next !== null && /\boutput\s*:\s*['"]export['"]/.test(next))
    return {
      framework: 'Next.js',
      folder: /\bdistDir\s*:\s*['"]([\w./-]+)['"]/.exec(next)?.[1] ?? 'out',
      isSinglePage: false,
    };
  const { start } = pkg.scripts;
  if (next !== null || (start && !notServers.test(start))) return null;
  if (withServers.some((name) => dependsOn(pkg, name))) return null;
  const found = frameworks.find(({ dependency }) => dependsOn(pkg, dependency));
  if (!found) return null;
  if (found.name === 'Vite' && !(await source.has('index.html'))) return null;
  if (
    found.name === 'Astro' &&
    /\boutput\s*:\s*['"]server['"]/.test(await configText(source, 'astro.config'))
  )
    return null;
  return { framework: found.name, folder: await found.folder(source), isSinglePage: found.isSinglePage };
}

/** How a Next.js app is served; null when the package is none. */
export async function findNextServer(source: SourceTree, pkg: PackageJson): Promise<NextServer | null> {
  if (!dependsOn(pkg, 'next')) return null;
  const text = await configText(source, 'next.config');
  return {
    isStandalone: /\boutput\s*:\s*['"]standalone['"]/.test(text),
    distDir: /\bdistDir\s*:\s*['"]([\w./-]+)['"]/.exec(text)?.[1] ?? '.next',
  };
}

async function isOnePage(source: SourceTree): Promise<boolean> {
  return (await source.has('index.html')) || (await source.has('public/index.html'));
}

/** Rainbond's mark of a static front end, `{"path": "dist"}`. */
function staticPath(text: string): string {
  const path = /"path"\s*:\s*"\.?\/?([\w@.-]+(?:\/[\w@.-]+)*)\/?"/.exec(text)?.[1] ?? 'dist';
  if (!path.split('/').includes('..')) return path;
  throw new AppError('INVALID', `nodestatic.json: "${path}" leads out of the source`);
}

function fixed(folder: string): (source: SourceTree) => Promise<string> {
  return () => Promise.resolve(folder);
}

function configured(file: string, key: string, fallback: string): (source: SourceTree) => Promise<string> {
  const pattern = new RegExp(`\\b${key}\\s*:\\s*['"]\\.?/?([\\w@-][\\w@./-]*?)/?['"]`);
  return async (source) => pattern.exec(await configText(source, file))?.[1] ?? fallback;
}

async function configText(source: SourceTree, name: string): Promise<string> {
  const file = await source.firstOf(['js', 'mjs', 'ts', 'cjs', 'mts'].map((ending) => `${name}.${ending}`));
  return (file && (await source.readText(file))) ?? '';
}

async function angularFolder(source: SourceTree): Promise<string> {
  const text = (await source.readText('angular.json')) ?? '';
  const path = /"outputPath"\s*:\s*(?:\{\s*"base"\s*:\s*)?"([\w@./-]+)"/.exec(text)?.[1];
  const project = /"projects"\s*:\s*\{\s*"([\w@.-]+)"/.exec(text)?.[1];
  const isNew = /"builder"\s*:\s*"@angular(?:-devkit)?\/build(?:-angular)?:application"/.test(text);
  return `${path ?? `dist/${project ?? ''}`}${isNew ? '/browser' : ''}`;
}

async function vitepressFolder(source: SourceTree): Promise<string> {
  return (await source.has('docs/.vitepress')) ? 'docs/.vitepress/dist' : '.vitepress/dist';
}
