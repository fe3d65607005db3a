import { messageOf } from '@skyarc/lib/errors';
import { sleep } from '@skyarc/lib/retry';
import { readSettings } from '@skyarc/prisma/datacenter';
import type { WorkerContext } from '../context.ts';
import { ExternalMonitor } from './monitor.ts';
import { type ExternalSpec, readRunningExternals } from './record.ts';
import { removeSlices, writeSlices } from './slices.ts';

const readEveryMs = 1_000;

/** Watches the endpoints of all third-party apps that run and keeps the cluster told. One worker does it at a time. */
export class ExternalKeeper {
  private readonly context: WorkerContext;
  private readonly monitors = new Map<
    string,
    { readonly digest: string; readonly monitor: ExternalMonitor }
  >();
  private readonly writing = new Map<string, Promise<void>>();

  constructor(context: WorkerContext) {
    this.context = context;
  }

  /** Keeps until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    let wholeAtMs = Date.now();
    while (!signal.aborted) {
      await this.follow().catch((error: unknown) => this.warn('all', error));
      if (Date.now() - wholeAtMs > this.context.config.repairEveryMs) {
        wholeAtMs = Date.now();
        // What a hand changed in the cluster comes back.
        await Promise.all([...this.monitors.values()].map(({ monitor }) => this.write(monitor)));
      }
      await sleep(readEveryMs, signal).catch(() => undefined);
    }
    await Promise.all([...this.monitors.keys()].map((id) => this.drop(id)));
    await Promise.all(this.writing.values());
  }

  private async follow(): Promise<void> {
    const { db, secretBox, kube } = this.context;
    const [specs, { allowPrivateSources }] = await Promise.all([
      readRunningExternals(db, secretBox),
      readSettings(db),
    ]);
    for (const spec of specs) {
      const digest = JSON.stringify([spec.service, spec.ports, allowPrivateSources]);
      if (this.monitors.get(spec.id)?.digest === digest) continue;
      await this.drop(spec.id);
      this.begin(spec, digest, allowPrivateSources);
    }
    const running = new Set(specs.map(({ id }) => id));
    for (const [id, { monitor }] of this.monitors) {
      if (running.has(id)) continue;
      await this.drop(id);
      await removeSlices(kube, monitor.spec);
    }
  }

  private begin(spec: ExternalSpec, digest: string, allowPrivate: boolean): void {
    const monitor = new ExternalMonitor(spec, { allowPrivate });
    this.monitors.set(spec.id, { digest, monitor });
    void monitor
      .look()
      .then(() => this.write(monitor))
      .then(() => monitor.start(() => void this.write(monitor)));
  }

  /** One write after the other, each of what is known when it begins. */
  private async write(monitor: ExternalMonitor): Promise<void> {
    const { id, name } = monitor.spec;
    const before = this.writing.get(id) ?? Promise.resolve();
    const mine = before.then(async () => {
      if (this.monitors.get(id)?.monitor !== monitor) return;
      try {
        await writeSlices(this.context.kube, monitor);
      } catch (error) {
        this.warn(name, error);
        // Read again from the record, and begun anew.
        this.monitors.delete(id);
        void monitor.stop();
      }
    });
    this.writing.set(id, mine);
    await mine;
  }

  private async drop(id: string): Promise<void> {
    const known = this.monitors.get(id);
    this.monitors.delete(id);
    await known?.monitor.stop();
    await this.writing.get(id);
    this.writing.delete(id);
  }

  private warn(app: string, error: unknown): void {
    this.context.log.warn(
      { app, reason: messageOf(error) },
      'cannot keep the endpoints of a third-party app',
    );
  }
}
