import { posix } from 'node:path';
import { AppError } from '@skyarc/lib/errors';
import { findAll, parseXml, textAt, type XmlElement } from '../../base/xml.ts';
import type { SourceTree } from '../../sources/tree.ts';
import { hasMainClass, isPlainPath, type JavaModule, type ResultKind } from './project.ts';
import { majorOf } from './version.ts';

type Properties = Readonly<Record<string, string>>;

interface Inherited {
  readonly properties: Properties;
  /** Plug-ins by artifact id. */
  readonly plugins: ReadonlyMap<string, XmlElement>;
}

const mostModules = 300;

/** Modules that can run, the top first; what a module inherits is taken from the project around it. */
export async function listMavenModules(source: SourceTree): Promise<readonly JavaModule[]> {
  const found: JavaModule[] = [];
  const seen = new Set<string>();
  const visit = async (path: string, above: Inherited): Promise<void> => {
    if (seen.has(path)) return;
    seen.add(path);
    if (seen.size > mostModules)
      throw new AppError('INVALID', `This project has more than ${mostModules} modules`);
    const file = posix.join(path, 'pom.xml');
    const text = await source.readText(file);
    if (text === null) return;
    const pom = parseXml(file, text);
    const own = inherit(pom, above);
    const kind = await kindOf(source, path, { pom, own });
    const artifact = expand(textAt(pom, 'artifactId'), own.properties) ?? path;
    if (kind) found.push({ name: artifact, path, kind, java: javaOf(own) });
    for (const name of modulesOf(pom)) {
      const below = posix.join(path, name.replace(/\/?pom\.xml$/, ''));
      if (isPlainPath(below)) await visit(below, own);
    }
  };
  await visit('.', { properties: {}, plugins: new Map() });
  return found;
}

/** Version of Maven that the project's wrapper names, or null. */
export async function readMavenWrapper(source: SourceTree): Promise<string | null> {
  const text = await source.readText('.mvn/wrapper/maven-wrapper.properties');
  return /apache-maven-(\d+\.\d+\.\d+)-bin\.(?:zip|tar\.gz)/.exec(text ?? '')?.[1] ?? null;
}

function inherit(pom: XmlElement, above: Inherited): Inherited {
  const said = findAll(pom, 'properties').flatMap(({ children }) => children);
  const properties = {
    ...above.properties,
    ...Object.fromEntries(said.map(({ name, text }) => [name, text])),
  };
  const plugins = new Map(above.plugins);
  for (const plugin of findAll(pom, 'build', 'plugins', 'plugin')) {
    const id = textAt(plugin, 'artifactId');
    if (id) plugins.set(id, plugin);
  }
  return { properties, plugins };
}

function modulesOf(pom: XmlElement): string[] {
  const active = findAll(pom, 'profiles', 'profile').filter(
    (profile) => textAt(profile, 'activation', 'activeByDefault') === 'true',
  );
  return [pom, ...active].flatMap((place) => findAll(place, 'modules', 'module').map(({ text }) => text));
}

async function kindOf(
  source: SourceTree,
  path: string,
  { pom, own }: { readonly pom: XmlElement; readonly own: Inherited },
): Promise<ResultKind | null> {
  const packaging = expand(textAt(pom, 'packaging'), own.properties) ?? 'jar';
  if (packaging === 'war') return 'war';
  if (packaging !== 'jar' && packaging !== 'quarkus') return null;
  const mine = new Set(
    findAll(pom, 'build', 'plugins', 'plugin').flatMap((plugin) => textAt(plugin, 'artifactId') ?? []),
  );
  const runs = (id: string) => {
    const plugin = own.plugins.get(id);
    return plugin !== undefined && textAt(plugin, 'configuration', 'skip') !== 'true';
  };
  if (runs('quarkus-maven-plugin') || packaging === 'quarkus') return 'quarkus';
  if (runs('spring-boot-maven-plugin'))
    return mine.has('spring-boot-maven-plugin') || (await hasMainClass(source, path)) ? 'jar' : null;
  return [...own.plugins].some(([id, plugin]) => mine.has(id) && namesMainClass(plugin)) ? 'jar' : null;
}

function namesMainClass({ name, children }: XmlElement): boolean {
  return name === 'mainClass' || name === 'Main-Class' || children.some(namesMainClass);
}

function javaOf({ properties, plugins }: Inherited): number | undefined {
  const compiler = plugins.get('maven-compiler-plugin');
  const configured = (name: string) => compiler && textAt(compiler, 'configuration', name);
  const places = [
    properties['maven.compiler.release'],
    properties['java.version'],
    properties['maven.compiler.target'],
    properties['maven.compiler.source'],
    configured('release'),
    configured('target'),
    configured('source'),
  ];
  for (const text of places) {
    const major = majorOf(expand(text, properties));
    if (major !== undefined) return major;
  }
  return undefined;
}

function expand(text: string | undefined, properties: Properties): string | undefined {
  return text?.replace(/\$\{([^}]+)\}/g, (all, name: string) => properties[name] ?? all);
}
