import { messageOf } from '@skyarc/lib/errors';
import type { KubeletContext } from '../context.ts';
import type { Image } from '../cri/types.ts';
import { WaitingError, type PullHooks } from '../images.ts';
import { identityOf, type Pod, type PodContainer } from '../pod.ts';

interface Pull {
  image?: Image;
  error?: WaitingError;
  retryAt: number;
}

/** Brings the images of one pod's containers, beside its worker, which is called again when one is there. */
export class PodPulls {
  private readonly context: KubeletContext;
  private readonly signal: AbortSignal;
  private readonly pulls = new Map<string, Pull>();

  constructor(context: KubeletContext, signal: AbortSignal) {
    this.context = context;
    this.signal = signal;
  }

  /**
   * The container's image when it is there; else begins to bring it and answers undefined. Throws the
   * WaitingError of a failed pull until it is time to try again.
   */
  find(pod: Pod, container: PodContainer, isQuiet: boolean): Image | undefined {
    const pull = this.pulls.get(container.name);
    if (pull?.image) return pull.image;
    if (pull?.error && pull.retryAt > Date.now()) throw pull.error;
    if (pull && !pull.error) return undefined;
    const started: Pull = { retryAt: Number.POSITIVE_INFINITY };
    this.pulls.set(container.name, started);
    void this.context.images
      .ensure(pod, container, this.hooks(pod, isQuiet), this.signal)
      .then((image) => (started.image = image))
      .catch((error: unknown) => {
        started.error =
          error instanceof WaitingError ? error : new WaitingError('ErrImagePull', messageOf(error));
        started.retryAt = Date.now() + started.error.retryMs;
      })
      .finally(() => this.context.requeue(identityOf(pod).uid));
    return undefined;
  }

  /** The next start looks for the image anew. */
  forget(container: string): void {
    this.pulls.delete(container);
  }

  private hooks(pod: Pod, isQuiet: boolean): PullHooks {
    const record = (type: 'Normal' | 'Warning', reason: string, message: string) =>
      this.context.record(pod, type, reason, message);
    return {
      onPulling: (image) => record('Normal', 'Pulling', `Pulling image "${image}"`),
      onPulled: (image, tookMs, size) => {
        const took = (tookMs / 1_000).toFixed(3);
        const message = `Successfully pulled image "${image}" in ${took}s. Image size: ${size} bytes.`;
        record('Normal', 'Pulled', message);
      },
      onPresent: (image) => {
        if (!isQuiet) record('Normal', 'Pulled', `Container image "${image}" already present on machine`);
      },
      onFailed: (image, error) =>
        record('Warning', 'Failed', `Failed to pull image "${image}": ${error.message}`),
    };
  }
}
