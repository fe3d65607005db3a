import { AppError } from '@skyarc/lib/errors';
import type { RemoteImage } from '@skyarc/lib/remote-registry';
import { factsOf, ImageSource } from '../sources/image.ts';
import type { Revision } from '../sources/source.ts';
import { attestImage } from './attest.ts';
import type { Published } from './publish.ts';
import { type BuildRun, repositoryOf } from './run.ts';

/** An app that is an image already: found, pinned and copied instead of built. */
export class ImageWork {
  private readonly run: BuildRun;
  private readonly source: ImageSource;
  private image: RemoteImage | undefined;

  private constructor(run: BuildRun, source: ImageSource) {
    this.run = run;
    this.source = source;
  }

  static async open(run: BuildRun, text: string): Promise<ImageWork> {
    const { db, shared, app, allowPrivate, log, signal } = run;
    const { teamName } = app;
    const hide = (secret: string) => log.hide(secret);
    const context = { db, secrets: shared.secrets, teamName, allowPrivate, hide, signal };
    return new ImageWork(run, await ImageSource.open(text, context));
  }

  get description(): string {
    return this.source.description;
  }

  /** The digest that pins it. */
  async identify(): Promise<Revision> {
    const id = await this.source.resolve();
    return { id, ref: id };
  }

  /** What it says of itself, in one sentence. Throws INVALID when it cannot start. */
  async detect(): Promise<string> {
    this.image = await this.source.read();
    const { command, ports } = factsOf(this.image);
    if (command.length === 0 && !this.run.app.command)
      throw new AppError(
        'INVALID',
        'The image has no command: set one in the run settings, so that it can start',
      );
    const listens = ports.length > 0 ? `; it names port ${ports.map(({ port }) => port).join(', ')}` : '';
    return `It starts with: ${command.join(' ').slice(0, 300)}${listens}`;
  }

  async copy(folder: string): Promise<Published> {
    const { run, source } = this;
    const image = this.image as RemoteImage;
    const repository = repositoryOf(run.app);
    const to = { registry: run.registry, repository, tag: String(run.build.number), folder };
    const copied = await source.copy(image, to, run.app.buildDiskMb * 2 ** 20);
    const { digest, sizeBytes } = copied.image;
    // What other people packed is signed as ours, but not searched.
    await attestImage(run, copied.image, { sources: copied.sources, packages: [] });
    const { command, ports } = factsOf(image);
    const megabytes = (copied.fetchedBytes / 1e6).toFixed(1);
    run.log.write(
      `Image ${repository}@${digest}, fetched ${megabytes} MB of ${(sizeBytes / 1e6).toFixed(1)} MB`,
    );
    return {
      image: `${repository}@${digest}`,
      sizeBytes,
      ports: ports.filter(({ protocol }) => protocol === 'tcp').map(({ port }) => port),
      processes: { web: command.join(' ') },
      layers: copied.image.layers.map(({ digest: layer, size }, index) => ({
        kind: 'IMAGE',
        name: `layer ${index + 1}`,
        digest: layer,
        sizeBytes: size,
        isFromCache: !copied.fetched.has(layer),
      })),
      sentBytes: copied.fetchedBytes,
    };
  }
}
