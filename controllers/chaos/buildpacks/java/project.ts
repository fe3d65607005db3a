import { glob } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@skyarc/lib/errors';
import type { SourceTree } from '../../sources/tree.ts';
import type { Project } from '../settings.ts';

/** How a module's result is laid out: an archive, an archive for a web server, or a folder of programs. */
export type ResultKind = 'jar' | 'war' | 'quarkus' | 'distribution';

/** A part of a Maven or Gradle project that can run. */
export interface JavaModule {
  readonly name: string;
  /** Folder in the source; "." for its top. */
  readonly path: string;
  readonly kind: ResultKind;
  /** Java version that it is written for, when it says so. */
  readonly java: number | undefined;
  /** Of Gradle: the task that makes it. */
  readonly task?: string;
}

/** The module that is set, the only one, or the one at the top. Throws INVALID naming them when it is not clear. */
export function chooseModule(all: readonly JavaModule[], { module, run }: Project, what: string): JavaModule {
  const set = all.find(({ name, path }) => name === module || path === module);
  if (set) return set;
  const [first] = all;
  if (first && all.length === 1) return first;
  const top = all.find(({ path }) => path === '.');
  if (top) return top;
  if (first) {
    const names = all.map(({ name, kind }) => `${name} (${kind})`).join(', ');
    throw new AppError(
      'INVALID',
      `This ${what} has ${all.length} modules that run: ${names}; choose one by the build setting "module"`,
    );
  }
  if (run.processes['web']) return { name: '.', path: '.', kind: 'jar', java: undefined };
  throw new AppError(
    'INVALID',
    `No module of this ${what} runs by itself: it needs the plug-in of Spring Boot or Quarkus, packaging war, or a main class in the jar's manifest; or add a Procfile with "web: command"`,
  );
}

/** A path of the source that tools may get as an argument. */
export function isPlainPath(path: string): boolean {
  return /^[\w@][\w.@ -]*(?:\/[\w@][\w.@ -]*)*$/.test(path);
}

const mostFiles = 3_000;

/** Whether a module's code has a class to start with. */
export async function hasMainClass(source: SourceTree, path: string): Promise<boolean> {
  let count = 0;
  const code = glob('src/main/{java,kotlin}/**/*.{java,kt}', { cwd: join(source.folder, path) });
  for await (const file of code) {
    count += 1;
    if (count > mostFiles) return false;
    const text = (await source.readText(join(path, file))) ?? '';
    if (/@SpringBootApplication\b|\bstatic\s+(?:final\s+)?void\s+main\s*\(|\bfun\s+main\s*\(/.test(text))
      return true;
  }
  return false;
}

/** The port that Spring Boot's configuration names as a number, or undefined. */
export async function springPort(source: SourceTree, path: string): Promise<number | undefined> {
  const resources = join(path, 'src/main/resources');
  const properties = await source.readText(join(resources, 'application.properties'));
  const yaml =
    (await source.readText(join(resources, 'application.yml'))) ??
    (await source.readText(join(resources, 'application.yaml')));
  const found =
    /^\s*server\.port\s*[=:]\s*(\d{2,5})\s*$/m.exec(properties ?? '') ??
    /^server:\s*\n(?:[ \t]+.*\n)*?[ \t]+port:\s*(\d{2,5})\s*$/m.exec(yaml ?? '');
  const port = Number(found?.[1]);
  return port > 0 && port < 65_536 ? port : undefined;
}
