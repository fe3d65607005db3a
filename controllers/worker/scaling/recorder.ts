import { labels, managedByValue } from '@skyarc/lib/contracts';
import { messageOf } from '@skyarc/lib/errors';
import { Informer, type KindTable, type Term } from '@skyarc/lib/kube';
import type { WorkerContext } from '../context.ts';
import { writeFenced } from '../leader/fence.ts';
import { reasonOf } from './reason.ts';

type Workload = KindTable['deployments'] | KindTable['statefulsets'];

const labelSelector = `${labels.managedBy}=${managedByValue},${labels.appId}`;

/** Remembers each change that a rule makes to an app's number of pods, with its reason. One worker does it at a time. */
export class ScalingRecorder {
  private readonly context: WorkerContext;
  private readonly term: Term;
  private readonly rules: Informer<'horizontalpodautoscalers'>;
  private writing: Promise<void> = Promise.resolve();

  constructor(context: WorkerContext, term: Term) {
    this.context = context;
    this.term = term;
    const { kube, log } = context;
    this.rules = new Informer(kube, 'horizontalpodautoscalers', { log, labelSelector });
  }

  /** Until the term is over. */
  async run(): Promise<void> {
    const { kube, log } = this.context;
    const informers = [
      this.rules,
      new Informer(kube, 'deployments', { log, labelSelector }),
      new Informer(kube, 'statefulsets', { log, labelSelector }),
    ] as const;
    const { signal } = this.term;
    const { promise, resolve } = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => resolve(), { once: true });
    informers[1].onChange((now, before) => this.tell(now, before));
    informers[2].onChange((now, before) => this.tell(now, before));
    for (const informer of informers) void informer.start();
    if (!signal.aborted) await promise;
    await Promise.all(informers.map((informer) => informer.stop()));
    await this.writing;
  }

  private tell(now: Workload | undefined, before: Workload | undefined): void {
    const { name = '', namespace, labels: marks = {} } = now?.metadata ?? {};
    const [from, to] = [before?.spec?.replicas, now?.spec?.replicas];
    const appId = marks[labels.appId];
    // To and from nothing an app is stopped and started; without a rule a person has changed it.
    if (!appId || !from || !to || from === to) return;
    const rule = this.rules.get(name, namespace);
    if (!rule || rule.status?.desiredReplicas === undefined) return;
    const team = marks[labels.team] ?? '';
    const data = { appId, fromReplicas: from, toReplicas: to, kind: 'AUTOMATIC', reason: reasonOf(rule) };
    this.writing = this.writing.then(() => this.write(team, data));
  }

  private async write(
    team: string,
    data: { appId: string; fromReplicas: number; toReplicas: number; kind: string; reason: string },
  ): Promise<void> {
    const { db, sink, log } = this.context;
    try {
      await writeFenced(db, this.term.token, (tx) => tx.scalingRecord.create({ data }));
      sink.notify(team, { kind: 'app', id: data.appId, appId: data.appId });
    } catch (error) {
      if (!this.term.signal.aborted) log.warn({ reason: messageOf(error) }, 'cannot record a change of pods');
    }
  }
}
