import { AppError } from '@skyarc/lib/errors';
import { parseImageReference, type RegistryClient, verifyImage } from '@skyarc/lib/oci';
import type { RunSpec } from '../render/run-spec.ts';

const maxRemembered = 10_000;

/** Lets only images run that this data centre has built and signed, and that are as they were then. */
export class ImageGuard {
  private readonly registry: RegistryClient;
  private readonly publicKey: string;
  /** Names with a digest: what is right once stays so, as nodes check the content that they pull. */
  private readonly good = new Set<string>();

  constructor(registry: RegistryClient, publicKey: string) {
    this.registry = registry;
    this.publicKey = publicKey;
  }

  /**
   * Checks what the app's pods are to run. Throws INVALID with a sentence that names the image and what is wrong
   * with it, UNAVAILABLE when the registry does not answer.
   */
  async check(spec: Pick<RunSpec, 'version' | 'grey' | 'plugins' | 'team'>): Promise<void> {
    const images = [
      spec.version.image,
      ...(spec.grey ? [spec.grey.version.image] : []),
      ...spec.plugins.filter(({ isBuilt }) => isBuilt).map(({ image }) => image),
    ];
    for (const image of images) await this.checkOne(image, spec.team);
  }

  private async checkOne(text: string, team: string): Promise<void> {
    const image = parseImageReference(text);
    if (!image.repository.startsWith(`${team}/`))
      throw new AppError('INVALID', `Image ${text} is refused: it is not one of team "${team}"`);
    if (this.good.has(text)) return;
    await verifyImage(this.registry, image, this.publicKey);
    if (this.good.size >= maxRemembered) this.good.clear();
    this.good.add(text);
  }
}
