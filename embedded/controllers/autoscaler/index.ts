import { messageOf } from '@skyarc/lib/errors';
import { keyOf } from '../../client/store.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import { withCondition, type Condition } from '../conditions.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { ignoreGone } from '../failures.ts';
import { resourceOf, timestamp, type Autoscaler, type LabelSelector } from '../kinds.ts';
import { sameJson } from '../same.ts';
import { matchesSelector } from '../selectors.ts';
import { behaviorOf, decide, forgetOld, type History } from './behavior.ts';
import { failureReasonOf, proposeBy, type MetricProposal, type MetricStatus } from './metrics.ts';

const scalable = ['deployments', 'replicasets', 'statefulsets'] as const;

/** What an autoscaler scales, as it stands. */
interface Target {
  readonly resource: (typeof scalable)[number];
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly replicas: number;
  readonly selector: LabelSelector | undefined;
}

/** What is to be done, why, and what it says of the autoscaler. */
interface Step {
  readonly replicas: number;
  readonly reason: string;
  readonly metrics?: MetricStatus[];
  readonly conditions: readonly Condition[];
}

/** Changes the replicas of workloads with their load (autoscaling/v2 HorizontalPodAutoscaler). */
export function autoscalerController(context: ControllerContext): Controller {
  return new AutoscalerController(context);
}

class AutoscalerController implements Controller {
  private readonly context: ControllerContext;
  private readonly queue: WorkQueue;
  /** By uid of the autoscaler. */
  private readonly histories = new Map<string, History>();

  constructor(context: ControllerContext) {
    this.context = context;
    const { log, informers, config } = context;
    this.queue = new WorkQueue({
      name: 'autoscaler',
      workers: config.workers,
      log,
      handle: (key) => this.reconcile(key),
    });
    informers.of('horizontalpodautoscalers').on({
      add: (scaler) => this.queue.add(keyOf(scaler)),
      // Its status is written at every look: only a new wish is a reason to look again.
      update: (scaler, old) => {
        if (!sameJson(scaler.spec, old.spec)) this.queue.add(keyOf(scaler));
      },
      delete: ({ metadata }) => this.histories.delete(metadata?.uid ?? ''),
    });
    informers.of('pods');
    for (const resource of scalable) informers.of(resource);
  }

  start(): void {
    this.queue.start();
  }

  async stop(): Promise<void> {
    await this.queue.stop();
  }

  private async reconcile(key: string): Promise<void> {
    const scaler = this.context.informers.store('horizontalpodautoscalers').get(key);
    if (!scaler || scaler.metadata?.deletionTimestamp) return;
    this.queue.addAfter(key, this.context.config.autoscaler.everyMs);
    const { conditions, ...rest } = await this.scale(scaler);
    const status = {
      ...scaler.status,
      ...rest,
      conditions: conditions.reduce(withCondition<Condition>, scaler.status?.conditions ?? []),
    };
    if (sameJson(status, scaler.status)) return;
    const { name = '', namespace, uid } = scaler.metadata ?? {};
    await this.context.client
      .patchStatus('horizontalpodautoscalers', name, namespace, { metadata: { uid }, status })
      .catch(ignoreGone);
  }

  /** Looks, decides, scales; what to tell of it. */
  private async scale(
    scaler: Autoscaler,
  ): Promise<Partial<Omit<NonNullable<Autoscaler['status']>, 'conditions'>> & Pick<Step, 'conditions'>> {
    const target = this.targetOf(scaler);
    if (!target) {
      const { kind, name } = scaler.spec?.scaleTargetRef ?? {};
      const message = `the HPA controller was unable to get the target's current scale: ${kind ?? ''} "${name ?? ''}" not found`;
      this.tell(scaler, 'Warning', 'FailedGetScale', message);
      return { conditions: [{ type: 'AbleToScale', status: 'False', reason: 'FailedGetScale', message }] };
    }
    const now = Date.now();
    const current = target.replicas;
    const history = this.historyOf(scaler, current, now);
    const step = await this.stepOf(scaler, target, { history, now });
    const told = {
      observedGeneration: scaler.metadata?.generation,
      currentReplicas: current,
      desiredReplicas: step.replicas,
      currentMetrics: step.metrics ?? scaler.status?.currentMetrics,
    };
    if (step.replicas === current) return { ...told, conditions: step.conditions };
    const outcome = await this.resize(scaler, target, step);
    const conditions = [...step.conditions, outcome];
    if (outcome.status !== 'True') return { ...told, desiredReplicas: current, conditions };
    history.changes.push({ by: step.replicas - current, atMs: now });
    return { ...told, lastScaleTime: timestamp(now), conditions };
  }

  private async stepOf(
    scaler: Autoscaler,
    target: Target,
    { history, now }: { history: History; now: number },
  ): Promise<Step> {
    const current = target.replicas;
    const { min, max } = boundsOf(scaler);
    const stay = (condition: Condition): Step => ({
      replicas: current,
      reason: '',
      conditions: [gotScale, condition],
    });
    if (current === 0 && min !== 0) {
      const message = 'scaling is disabled since the replica count of the target is zero';
      return stay({ type: 'ScalingActive', status: 'False', reason: 'ScalingDisabled', message });
    }
    if (current > max)
      return {
        replicas: max,
        reason: 'Current number of replicas above Spec.MaxReplicas',
        conditions: [gotScale],
      };
    if (current < min)
      return {
        replicas: min,
        reason: 'Current number of replicas below Spec.MinReplicas',
        conditions: [gotScale],
      };
    const { best, statuses, failure } = await this.askMetrics(scaler, target, now);
    // Where one cannot be read the others may scale up, but never down: it might have wanted to stay.
    if (!best || (failure && best.replicas < current)) {
      const [reason, message] = [failure?.reason ?? 'InvalidMetrics', failure?.message ?? 'no metrics'];
      this.tell(scaler, 'Warning', reason, message);
      return stay({ type: 'ScalingActive', status: 'False', reason, message });
    }
    history.recommendations.push({ replicas: best.replicas, atMs: now });
    const behavior = behaviorOf(scaler, this.context.config.autoscaler.downscaleStabilizationMs);
    const { replicas, stabilized, limited } = decide(
      best.replicas,
      { current, min, max, now },
      behavior,
      history,
    );
    forgetOld(history, now);
    const able = stabilized ?? {
      reason: 'ReadyForNewScale',
      message: 'recommended size matches current size',
    };
    const { isLimited, ...why } = limited;
    return {
      replicas,
      reason: replicas > current ? `${best.about} above target` : 'All metrics below target',
      metrics: statuses,
      conditions: [
        { type: 'AbleToScale', status: 'True', ...able },
        {
          type: 'ScalingActive',
          status: 'True',
          reason: 'ValidMetricFound',
          message: `the HPA was able to successfully calculate a replica count from ${best.about}`,
        },
        { type: 'ScalingLimited', status: isLimited ? 'True' : 'False', ...why },
      ],
    };
  }

  /** The metric that wants most, and the first that could not be read. */
  private async askMetrics(
    scaler: Autoscaler,
    target: Target,
    now: number,
  ): Promise<{
    best?: MetricProposal;
    statuses: MetricStatus[];
    failure?: { reason: string; message: string };
  }> {
    const { read, config, informers } = this.context;
    const { namespace, selector, replicas: current } = target;
    const pods = informers
      .store('pods')
      .by('namespace', namespace)
      .filter(({ metadata }) => matchesSelector(selector, metadata?.labels));
    const context = { read, namespace, selector, pods, current, rules: config.autoscaler, now };
    const metrics = scaler.spec?.metrics ?? [];
    const answers = await Promise.allSettled(metrics.map((metric) => proposeBy(metric, context)));
    const proposals = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
    const bad = answers.findIndex(({ status }) => status === 'rejected');
    const [answer, metric] = [answers[bad], metrics[bad]];
    return {
      best: proposals.toSorted((left, right) => right.replicas - left.replicas)[0],
      statuses: proposals.map(({ status }) => status),
      ...(answer?.status === 'rejected' && metric
        ? {
            failure: {
              reason: failureReasonOf(metric),
              message: `the HPA was unable to compute the replica count: ${messageOf(answer.reason)}`,
            },
          }
        : {}),
    };
  }

  private async resize(scaler: Autoscaler, target: Target, { replicas, reason }: Step): Promise<Condition> {
    const { resource, name, namespace, uid } = target;
    try {
      await this.context.client.patch(resource, name, namespace, { metadata: { uid }, spec: { replicas } });
    } catch (error) {
      const message = `New size: ${replicas}; reason: ${reason}; error: ${messageOf(error)}`;
      this.tell(scaler, 'Warning', 'FailedRescale', message);
      return { type: 'AbleToScale', status: 'False', reason: 'FailedUpdateScale', message };
    }
    this.tell(scaler, 'Normal', 'SuccessfulRescale', `New size: ${replicas}; reason: ${reason}`);
    const message = `the HPA controller was able to update the target scale to ${replicas}`;
    return { type: 'AbleToScale', status: 'True', reason: 'SucceededRescale', message };
  }

  private targetOf({ spec, metadata }: Autoscaler): Target | undefined {
    if (!spec) return undefined;
    const { apiVersion = '', kind, name } = spec.scaleTargetRef;
    const found = resourceOf({ apiVersion, kind });
    const resource = scalable.find((each) => each === found);
    const namespace = metadata?.namespace ?? '';
    const object = resource && this.context.informers.store(resource).get(`${namespace}/${name}`);
    if (!resource || !object) return undefined;
    const { replicas: asked, selector } = object.spec ?? {};
    return { resource, name, namespace, uid: object.metadata?.uid ?? '', replicas: asked ?? 1, selector };
  }

  /** A new one begins with the present size, so that a restart does not scale down at once. */
  private historyOf({ metadata }: Autoscaler, current: number, now: number): History {
    const uid = metadata?.uid ?? '';
    let history = this.histories.get(uid);
    if (!history) {
      history = { recommendations: [{ replicas: current, atMs: now }], changes: [] };
      this.histories.set(uid, history);
    }
    return history;
  }

  private tell(scaler: Autoscaler, type: 'Normal' | 'Warning', reason: string, message: string): void {
    const about = { ...scaler, kind: 'HorizontalPodAutoscaler', apiVersion: 'autoscaling/v2' };
    this.context.events.record({ about, type, reason, message });
  }
}

const gotScale: Condition = {
  type: 'AbleToScale',
  status: 'True',
  reason: 'SucceededGetScale',
  message: "the HPA controller was able to get the target's current scale",
};

function boundsOf({ spec }: Autoscaler): { min: number; max: number } {
  return { min: spec?.minReplicas ?? 1, max: spec?.maxReplicas ?? 1 };
}
