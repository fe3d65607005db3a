import { isDeepStrictEqual } from 'node:util';
import { AppError } from '@skyarc/lib/errors';
import type { KubeClient } from '../client/index.ts';
import { identityOf, type Pod, type PodStatus } from './pod.ts';

/** Writes the status of pods; a status that is stored already is not written again. */
export class StatusWriter {
  private readonly client: KubeClient;

  constructor(client: KubeClient) {
    this.client = client;
  }

  /**
   * Stores what `render` makes of the stored pod and answers the pod as it is then stored; null when the
   * pod is gone or another one has its name.
   */
  async write(pod: Pod, render: (stored: Pod) => PodStatus): Promise<Pod | null> {
    const { namespace, name, uid } = identityOf(pod);
    let stored: Pod | null = pod;
    for (let attempt = 0; ; attempt += 1) {
      if (!stored || stored.metadata?.uid !== uid) return null;
      const status = JSON.parse(JSON.stringify(render(stored))) as PodStatus;
      if (isDeepStrictEqual(status, JSON.parse(JSON.stringify(stored.status ?? {})))) return stored;
      try {
        return await this.client.updateStatus('pods', { ...stored, status });
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        if (error.code === 'NOT_FOUND') return null;
        if (error.code !== 'CONFLICT' || attempt >= 5) throw error;
        stored = await this.client.find('pods', name, namespace);
      }
    }
  }
}
