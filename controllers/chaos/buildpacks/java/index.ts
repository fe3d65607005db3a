import { basename, join } from 'node:path';
import { AppError } from '@skyarc/lib/errors';
import { javaVersion } from '../../base/runtimes/java.ts';
import type { SourceTree } from '../../sources/tree.ts';
import { type BuildContext, type BuildOutput, defaultPort, type Launch, type Module } from '../buildpack.ts';
import { portsIn, shellCommand } from '../procfile.ts';
import type { Project } from '../settings.ts';
import { examineArchive } from './archive.ts';
import { chooseArchive, findArchives, findDistribution, runBuildTool } from './build.ts';
import { gradleSigns, type GradleWrapper, listGradleModules, readGradleWrapper } from './gradle.ts';
import { imageOfArchive, imageOfFolder, imageOfTree, startProgram } from './image.ts';
import { listMavenModules, readMavenWrapper } from './maven.ts';
import { chooseModule, type JavaModule, springPort } from './project.ts';
import { checkJavaVersion } from './version.ts';

export const name = 'java';

export interface JavaPlan {
  /** `none`: the source is an archive that was built elsewhere. */
  readonly tool: 'maven' | 'gradle' | 'none';
  readonly module: JavaModule;
  /** Folders of all modules that run, whose results belong to this source. */
  readonly folders: readonly string[];
  /** Of the wrapper; null without one. */
  readonly mavenVersion: string | null;
  readonly gradleWrapper: GradleWrapper | null;
  /** Replaces the tool's own. */
  readonly command: string | null;
  readonly hasOwnStart: boolean;
  readonly processes: Readonly<Record<string, string>>;
  readonly ports: readonly number[];
}

const otherLanguages = [
  'package.json',
  'requirements.txt',
  'composer.json',
  'Gemfile',
  'go.mod',
  'pyproject.toml',
];

/** An archive at the top is the app only when no other language says that it is. */
export async function detect(source: SourceTree): Promise<string | null> {
  const sign = await source.firstOf(['pom.xml', ...gradleSigns]);
  if (sign) return sign;
  if (await source.firstOf(otherLanguages)) return null;
  return (await archivesAtTop(source))[0] ?? null;
}

export async function modules(source: SourceTree): Promise<readonly Module[]> {
  return (await listModules(source)).all.map(({ name: module, path, kind }) => ({
    name: module,
    path,
    kind,
  }));
}

export async function plan(source: SourceTree, project: Project): Promise<JavaPlan> {
  const { tool, all } = await listModules(source);
  const what = { maven: 'Maven project', gradle: 'Gradle build', none: 'source' }[tool];
  const module = chooseModule(all, project, what);
  await checkJavaVersion(source, { major: module.java, by: tool === 'maven' ? 'pom.xml' : 'build.gradle' });
  if (tool === 'none') await checkArchive(source, module, project);
  const processes = { ...project.run.processes };
  const hasOwnStart = processes['web'] !== undefined;
  processes['web'] ??= startProgram;
  const port = await springPort(source, module.path === '.' || tool !== 'none' ? module.path : '.');
  return {
    tool,
    module,
    folders: [...new Set(['.', ...all.map(({ path }) => path)])],
    mavenVersion: await readMavenWrapper(source),
    gradleWrapper: await readGradleWrapper(source),
    command: project.buildCommand,
    hasOwnStart,
    processes,
    ports: [...portsIn(processes['web']), ...(port === undefined ? [] : [port])].slice(0, 1),
  };
}

export async function build(context: BuildContext, plan: JavaPlan): Promise<BuildOutput> {
  const { source } = context;
  if (plan.tool !== 'none') await runBuildTool(context, plan);
  const archives =
    plan.tool === 'none' ? await archivesAtTop(source) : await findArchives(context, plan.folders);
  const ownArchives = new Set(archives.map((path) => basename(path)));
  if (plan.hasOwnStart)
    return imageOfTree(context, await Promise.all(archives.map((path) => fileOf(source, path))));
  if (plan.module.kind === 'distribution') {
    return imageOfFolder(context, { ...(await findDistribution(context, plan)), ownArchives });
  }
  if (plan.module.kind === 'quarkus') {
    for (const place of ['target/quarkus-app', 'build/quarkus-app']) {
      const folder = await source.sub(join(plan.module.path, place));
      const start =
        'exec java $JAVA_OPTS "-Dquarkus.http.port=$PORT" -Dquarkus.http.host=0.0.0.0 -jar /app/quarkus-run.jar "$@"';
      if (folder) return imageOfFolder(context, { folder: folder.folder, start, ownArchives });
    }
  }
  const shownName =
    plan.tool === 'none' ? plan.module.path : chooseArchive(await archivesOf(context, plan), plan);
  return imageOfArchive(context, { archive: await fileOf(source, shownName), shownName, ownArchives });
}

export function launch({ processes, ports, module }: JavaPlan): Launch {
  return {
    processes,
    command: processes['web'] === startProgram ? [startProgram] : shellCommand(processes['web'] as string),
    ports: ports.length > 0 ? ports : [defaultPort],
    env: {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      // The JVM reads the container's limit by itself; a quarter of it, its default, would waste the rest.
      JAVA_OPTS: '-XX:MaxRAMPercentage=70 -XX:+ExitOnOutOfMemoryError',
      PORT: String(ports[0] ?? defaultPort),
    },
    language: 'Java',
    version: String(javaVersion),
    memoryMb: 1024,
    warnings:
      module.java !== undefined && module.java < 8
        ? [`Java ${module.java} is older than what this JDK compiles for`]
        : [],
  };
}

interface Listed {
  readonly tool: JavaPlan['tool'];
  readonly all: readonly JavaModule[];
}

async function listModules(source: SourceTree): Promise<Listed> {
  if (await source.has('pom.xml')) return { tool: 'maven', all: await listMavenModules(source) };
  if (await source.firstOf(gradleSigns)) return { tool: 'gradle', all: await listGradleModules(source) };
  const archives = await archivesAtTop(source);
  const all = archives.map((path): JavaModule => {
    return { name: path, path, kind: path.endsWith('.war') ? 'war' : 'jar', java: undefined };
  });
  return { tool: 'none', all };
}

async function archivesAtTop(source: SourceTree): Promise<string[]> {
  return (await source.names()).filter((path) => /\.[jw]ar$/i.test(path));
}

/** What is wrong with an archive that was built elsewhere is told before anything is made. */
async function checkArchive(source: SourceTree, module: JavaModule, project: Project): Promise<void> {
  if (!/\.[jw]ar$/i.test(module.path)) return;
  const facts = await examineArchive(await fileOf(source, module.path), module.path);
  if (facts.isWebApp || facts.mainClass !== null || project.run.processes['web']) return;
  throw new AppError(
    'INVALID',
    `${module.path} does not say how it starts: its manifest has no Main-Class; add one, or a Procfile with "web: command"`,
  );
}

async function archivesOf(context: BuildContext, { module }: JavaPlan): Promise<readonly string[]> {
  return findArchives(context, [module.path]);
}

/** A file of the source, never one outside of it. */
async function fileOf(source: SourceTree, path: string): Promise<string> {
  const found = await source.resolve(path);
  if (found) return found;
  throw new AppError('INVALID', `${path} is not a file of the source`);
}
