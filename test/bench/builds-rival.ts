import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '@skyarc/lib/process';
import type { BenchApp } from './builds-apps.ts';
import type { BuildWorld, Manifest } from './builds-world.ts';

/**
 * `buildah bud --layers` as a person without Skyarc would use it: a clone of the repository that is brought up to date,
 * images with the same base and runtime at hand, its own storage and caches, no sandbox but a chroot, no limits.
 */
export class Rival {
  private readonly world: BuildWorld;
  private readonly app: BenchApp;
  private readonly folder: string;
  private readonly source: string;

  private constructor(world: BuildWorld, app: BenchApp) {
    this.world = world;
    this.app = app;
    this.folder = join(world.folder, `rival-${app.name}`);
    this.source = join(this.folder, 'source');
  }

  /** With the base and the runtime, if any, of the image that we made of the same app. */
  static async open(
    world: BuildWorld,
    app: BenchApp,
    ours: { url: string; image: Manifest },
  ): Promise<Rival> {
    const rival = new Rival(world, app);
    for (const name of ['root', 'run', 'tmp', 'source'])
      await mkdir(join(rival.folder, name), { recursive: true });
    const [base, ...runtimes] = await rival.sharedRoots(ours.image);
    const tools = await rival.toolRoots();
    await rival.image('base', 'scratch', base as string);
    await rival.stack('run', runtimes);
    await rival.stack('build', [...runtimes, ...tools]);
    await writeFile(join(rival.folder, 'Dockerfile'), app.dockerfile);
    await rival.git('init', '--quiet');
    await rival.git('remote', 'add', 'origin', ours.url);
    // What git keeps is not for the image.
    await writeFile(join(rival.folder, 'Dockerfile.dockerignore'), '.git\n');
    return rival;
  }

  /** Seconds from the repository to the image in the registry; nothing that the registry has is sent again. */
  async build(): Promise<number> {
    const beganAt = performance.now();
    await this.git('fetch', '--quiet', '--depth=1', 'origin', 'main');
    await this.git('reset', '--quiet', '--hard', 'FETCH_HEAD');
    const file = join(this.folder, 'Dockerfile');
    await this.buildah('bud', '--layers', '-q', '-f', file, '-t', 'app', this.source);
    await this.push();
    return (performance.now() - beganAt) / 1000;
  }

  /** Forgets every layer and cache but the images that it begins with. */
  async forget(): Promise<void> {
    await this.buildah('rmi', '--force', 'app');
    // Layers between are images without a name; each prune takes those that nothing stands on.
    await this.buildah('rmi', '--prune', '--force');
    await rm(join(this.folder, 'tmp'), { recursive: true, force: true });
    await mkdir(join(this.folder, 'tmp'), { recursive: true });
  }

  async manifest(): Promise<Manifest> {
    return this.world.manifest(this.repository, 'latest');
  }

  async close(): Promise<void> {
    await this.buildah('rm', '--all').catch(() => undefined);
    await this.buildah('rmi', '--all', '--force').catch(() => undefined);
    await run('umount', ['--', join(this.folder, 'root/overlay')]);
    await rm(this.folder, { recursive: true, force: true });
  }

  private get repository(): string {
    return `rival/${this.app.name}`;
  }

  private async push(): Promise<void> {
    const host = new URL(this.world.registryUrl).host;
    const to = `docker://${host}/${this.repository}:latest`;
    await this.buildah('push', '-q', '--tls-verify=false', 'app', to);
  }

  private async git(...args: readonly string[]): Promise<void> {
    const env = { PATH: process.env['PATH'] ?? '', HOME: this.folder };
    const { code, stderr } = await run('git', args, { cwd: this.source, env });
    if (code !== 0) throw new Error(`git ${args.join(' ')}: ${stderr}`);
  }

  private async stack(name: string, roots: readonly string[]): Promise<void> {
    if (roots.length === 0) await this.buildah('tag', 'base', name);
    for (const [index, root] of roots.entries()) await this.image(name, index === 0 ? 'base' : name, root);
  }

  /** One layer more, with the settings of package clients that our builds get too. */
  private async image(name: string, from: string, root: string): Promise<void> {
    const container = (await this.buildah('from', '--pull-never', from)).stdout.trim();
    await this.buildah('add', '-q', container, root, '/');
    const { url: packagesUrl } = this.world.packages;
    const env = [
      `npm_config_registry=${packagesUrl}/npm/`,
      'npm_config_replace_registry_host=always',
      `PIP_INDEX_URL=${packagesUrl}/pypi/simple/`,
      `PIP_TRUSTED_HOST=${new URL(packagesUrl).host}`,
      `GOPROXY=${packagesUrl}/go,direct`,
      'GONOSUMDB=*',
      'GONOSUMCHECK=1',
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    ].flatMap((pair) => ['--env', pair]);
    const settings = join(this.folder, 'maven.xml');
    await writeFile(settings, mavenSettings(`${packagesUrl}/maven/`));
    await this.buildah('add', '-q', container, settings, '/etc/bench-maven.xml');
    await this.buildah('config', ...env, container);
    await this.buildah('commit', '-q', '--rm', container, name);
  }

  /** Unpacked layers of the store that the image has, the lowest first. */
  private async sharedRoots({ layers }: Manifest): Promise<string[]> {
    const { layersDir } = this.world;
    const byDigest = new Map<string, string>();
    for (const name of await readdir(layersDir)) {
      const text = await readFile(join(layersDir, name, 'layer.json'), 'utf8').catch(() => null);
      if (text) byDigest.set((JSON.parse(text) as { digest: string }).digest, join(layersDir, name, 'root'));
    }
    return layers.flatMap(({ digest }) => byDigest.get(digest) ?? []);
  }

  private async toolRoots(): Promise<string[]> {
    const { layersDir } = this.world;
    const names = await readdir(layersDir);
    return this.app.tools.map((tool) => {
      const name = names
        .filter((one) => one.startsWith(tool) && !one.endsWith('.json') && !one.endsWith('-debian-plugins'))
        .toSorted()
        .at(-1);
      if (!name) throw new Error(`there is no layer ${tool}`);
      return join(layersDir, name, 'root');
    });
  }

  private async buildah(command: string, ...args: readonly string[]) {
    const storage = ['--root', join(this.folder, 'root'), '--runroot', join(this.folder, 'run')];
    const driver = ['--storage-driver', 'overlay'];
    const isolation =
      command === 'bud'
        ? [
            '--isolation',
            'chroot',
            '--pull-never',
            '--no-hosts',
            '--ignorefile',
            join(this.folder, 'Dockerfile.dockerignore'),
          ]
        : [];
    const env = { PATH: process.env['PATH'] ?? '', TMPDIR: join(this.folder, 'tmp'), HOME: this.folder };
    const { code, stdout, stderr } = await run(
      'buildah',
      [...storage, ...driver, command, ...isolation, ...args],
      { env, timeoutMs: 900_000 },
    );
    if (code !== 0) throw new Error(`buildah ${command}: ${stderr.slice(-2_000)}`);
    return { stdout };
  }
}

function mavenSettings(url: string): string {
  return `<settings><mirrors><mirror><id>bench</id><mirrorOf>central</mirrorOf><url>${url}</url></mirror></mirrors></settings>`;
}
