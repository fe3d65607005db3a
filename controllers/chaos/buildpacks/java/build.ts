import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { clientDefaults } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { exists } from '@skyarc/lib/files';
import { gradle, javaHome, type JavaTools, maven } from '../../base/runtimes/java.ts';
import { javaProxiesOf, renderMavenSettings } from '../../base/maven-settings.ts';
import { renderTrustStore } from '../../base/trust-store.ts';
import type { BuildContext } from '../buildpack.ts';
import { renderGradleInit } from './gradle.ts';
import type { JavaPlan } from './index.ts';

/** Runs the source's own build tool over the chosen module. */
export async function runBuildTool(context: BuildContext, plan: JavaPlan): Promise<void> {
  const { room, runtimes, base, source, say } = context;
  const isMaven = plan.tool === 'maven';
  const tools = isMaven
    ? await maven(runtimes, plan.mavenVersion, say)
    : await gradle(runtimes, plan.gradleWrapper);
  // The service of packages has no such repository.
  if (!isMaven) room.alsoReach([new URL(clientDefaults.gradlePlugins).hostname]);
  say(`JDK of Debian, ${tools.title}${plan.module.path === '.' ? '' : `, module ${plan.module.name}`}`);
  room.enter([...tools.layers, base].map(({ root }) => root));
  const config = await room.disk.freshFolder('workspace/config');
  const cache = await room.cache('tools');
  const classes = new LoadedClasses(cache, tools);
  const javaOptions = await writeConfig(context, config);
  room.own(source.folder);
  const args = plan.command === null ? argsOf(plan, tools, runtimes.env) : ['/bin/sh', '-c', plan.command];
  await room.exec({
    label: plan.command ?? labelOf(plan, tools),
    args,
    env: {
      PATH: `${dirname(tools.command)}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
      JAVA_HOME: javaHome,
      MAVEN_OPTS: `${javaOptions} ${await classes.options()} -Dmaven.repo.local=/cache/m2`,
      GRADLE_OPTS: javaOptions,
      GRADLE_USER_HOME: '/cache/gradle',
    },
    mounts: [
      { source: source.folder, destination: '/app' },
      { source: cache, destination: '/cache' },
      { source: config, destination: '/config', readonly: true },
      ...(tools.settings === null
        ? []
        : [{ source: join(config, 'settings.xml'), destination: tools.settings, readonly: true }]),
    ],
  });
  await classes.keep();
}

/**
 * Classes that Maven, its plug-ins and the compiler have loaded, as the JVM has them in memory (JEP 350): a third of a
 * small build's time goes into loading them anew.
 */
class LoadedClasses {
  private readonly cache: string;
  private readonly name: string;

  constructor(cache: string, { layers }: JavaTools) {
    this.cache = cache;
    const tools = createHash('sha256').update(JSON.stringify(layers.map(({ name, root }) => [name, root])));
    this.name = `classes-${tools.digest('hex').slice(0, 16)}.jsa`;
  }

  /** Uses those that were kept; else has the JVM write them when it ends. */
  async options(): Promise<string> {
    const isKept = await exists(join(this.cache, this.name));
    const option = isKept
      ? `SharedArchiveFile=/cache/${this.name}`
      : `ArchiveClassesAtExit=/cache/${this.name}.partial`;
    // It tells of each class that does not fit; nobody asked.
    return `-XX:${option} -Xlog:cds=off -Xlog:cds+dynamic=off`;
  }

  /** What was written, once it is whole on the disk: the JVM trusts it. */
  async keep(): Promise<void> {
    const place = join(this.cache, this.name);
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const file = await open(`${place}.partial`, flags).catch(() => null);
    if (file === null) return;
    try {
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${place}.partial`, place);
  }
}

/** Maven archives get one time for all their files (reproducible-builds.org, project.build.outputTimestamp). */
function argsOf(
  { tool, module }: JavaPlan,
  { command }: JavaTools,
  env: Readonly<Record<string, string>>,
): readonly string[] {
  if (tool === 'maven') {
    const options = [
      '-B',
      '-ntp',
      '-Dstyle.color=never',
      '-Dproject.build.outputTimestamp=1980-02-01T00:00:00Z',
      '-DskipTests',
    ];
    return [command, ...options, ...(module.path === '.' ? [] : ['-pl', module.path, '-am']), 'package'];
  }
  const proxies = javaProxiesOf(env).flatMap(({ scheme, host, port, except }) => [
    `-D${scheme}.proxyHost=${host}`,
    `-D${scheme}.proxyPort=${port}`,
    `-Dhttp.nonProxyHosts=${except}`,
  ]);
  const options = ['--no-daemon', '--console=plain', '-I', '/config/init.gradle', ...proxies];
  const program = command.startsWith('./') ? ['/bin/sh', command] : [command];
  return [...program, ...options, module.task ?? 'assemble'];
}

function labelOf({ tool, module }: JavaPlan, { command }: JavaTools): string {
  if (tool === 'maven') return `mvn ${module.path === '.' ? '' : `-pl ${module.path} -am `}package`;
  return `${command.startsWith('./') ? command : 'gradle'} ${module.task ?? 'assemble'}`;
}

/** Answers options of the JVM that tools run in: it trusts what this machine trusts, and starts fast. */
async function writeConfig({ runtimes, room }: BuildContext, folder: string): Promise<string> {
  const { env } = runtimes;
  await writeFile(join(folder, 'settings.xml'), renderMavenSettings(env, room.isClosed));
  await writeFile(join(folder, 'init.gradle'), renderGradleInit(room.isClosed));
  const options = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:MaxRAMPercentage=60'];
  const bundle = env['SSL_CERT_FILE'];
  if (bundle) {
    await writeFile(join(folder, 'cacerts'), renderTrustStore(await readFile(bundle, 'utf8')));
    options.push('-Djavax.net.ssl.trustStore=/config/cacerts', '-Djavax.net.ssl.trustStoreType=JKS');
  }
  return options.join(' ');
}

const notResults = /(?:-sources|-javadoc|-tests|-test-fixtures|\.original|-plain)\.[jw]ar$|^original-/;

/** Archives that modules have in their output folders, as paths in the source. */
export async function findArchives({ source }: BuildContext, modules: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const module of modules) {
    for (const place of ['target', 'build/libs']) {
      const folder = await source.sub(join(module, place));
      const names = ((await folder?.names()) ?? []).filter((name) => /\.[jw]ar$/.test(name));
      found.push(...names.map((name) => join(module, place, name)));
    }
  }
  return found;
}

/** The one that is the module's result. Throws INVALID when the build made none. */
export function chooseArchive(archives: readonly string[], { module }: JavaPlan): string {
  const suffix = `.${module.kind === 'war' ? 'war' : 'jar'}`;
  const results = archives.filter((path) => !notResults.test(basename(path)));
  const fitting = [...results.filter((path) => path.endsWith(suffix)), ...results];
  // Shadow and assembly plug-ins put the whole app beside the module's own classes, under a longer name.
  const whole = fitting.find((path) => /-(?:all|jar-with-dependencies|shaded|exec|runner)\.jar$/.test(path));
  const found = whole ?? fitting[0];
  if (found) return found;
  throw new AppError(
    'INVALID',
    `The build of ${module.name} made no ${suffix.slice(1)} in target/ or build/libs/`,
  );
}

/** Programs that Gradle's installDist made: the folder, and the one to start. */
export async function findDistribution({ source }: BuildContext, { module }: JavaPlan) {
  const install = await source.sub(join(module.path, 'build/install'));
  const [name] = install ? await readdir(install.folder) : [];
  const folder = name && (await install?.sub(name));
  const programs = folder ? await readdir(join(folder.folder, 'bin')).catch(() => []) : [];
  const program = programs.find((one) => /^[\w.-]+$/.test(one) && !one.endsWith('.bat'));
  if (folder && program) return { folder: folder.folder, start: `exec /app/bin/${program} "$@"` };
  throw new AppError('INVALID', `The build of ${module.name} made no program in build/install/`);
}
