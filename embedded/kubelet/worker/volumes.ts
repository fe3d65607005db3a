import { messageOf } from '@skyarc/lib/errors';
import type { KubeletContext } from '../context.ts';
import { identityOf, specOf, type Pod } from '../pod.ts';
import { ensureVolumes } from '../volumes/index.ts';

const retryMs = 2_000;

/** Makes one pod's volumes and renews them from time to time. */
export class PodVolumes {
  private readonly context: KubeletContext;
  private renewedAt = 0;
  private found: ReadonlyMap<string, string> = new Map();

  constructor(context: KubeletContext) {
    this.context = context;
  }

  /** Folders by volume name; undefined while the volumes cannot be made, which an event tells of. */
  async ensure(pod: Pod, podIp: string): Promise<ReadonlyMap<string, string> | undefined> {
    const { client, node, lookups, config } = this.context;
    const renewMs = config.renewVolumesEveryMs;
    const { uid } = identityOf(pod);
    if ((specOf(pod).volumes ?? []).length > 0) this.context.requeue(uid, renewMs);
    // Timers may be a little early.
    if (this.renewedAt > 0 && Date.now() - this.renewedAt < renewMs * 0.95) return this.found;
    try {
      const folder = `${this.context.podFolder(pod)}/volumes`;
      const isRenewal = this.renewedAt > 0;
      this.found = await ensureVolumes({ pod, podIp, client, node, lookups, folder, isRenewal });
      this.renewedAt = Date.now();
    } catch (error) {
      this.context.record(pod, 'Warning', 'FailedMount', messageOf(error));
      this.context.requeue(uid, retryMs);
    }
    return this.renewedAt > 0 ? this.found : undefined;
  }
}
