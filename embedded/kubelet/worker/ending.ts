import { messageOf } from '@skyarc/lib/errors';
import { podTitle } from '../container-starter.ts';
import type { KubeletContext } from '../context.ts';
import { identityOf, type Pod } from '../pod.ts';
import { stopPod } from '../pod-terminator.ts';
import type { PodRuntime } from '../pod-runtime.ts';

const retryMs = 1_000;

/** The end of one pod's containers and sandbox, beside its worker, which is called again when it is done. */
export class PodEnding {
  private readonly context: KubeletContext;
  private state: 'no' | 'running' | 'done' = 'no';

  constructor(context: KubeletContext) {
    this.context = context;
  }

  get isDone(): boolean {
    return this.state === 'done';
  }

  get isRunning(): boolean {
    return this.state === 'running';
  }

  /** Begins unless it has begun. The deadline, in milliseconds since 1970, is asked again at each step. */
  begin(pod: Pod, runtime: PodRuntime, deadlineMs: () => number): void {
    if (this.state !== 'no') return;
    this.state = 'running';
    void stopPod(this.context, pod, runtime, deadlineMs)
      .then(() => (this.state = 'done'))
      .catch((error: unknown) => {
        if (this.context.signal.aborted) return;
        this.state = 'no';
        const facts = { pod: podTitle(pod), reason: messageOf(error) };
        this.context.log.warn(facts, 'cannot end pod yet');
      })
      .finally(() => this.context.requeue(identityOf(pod).uid, this.isDone ? 0 : retryMs));
  }
}
