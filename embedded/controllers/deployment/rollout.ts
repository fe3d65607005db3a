import { messageOf } from '@skyarc/lib/errors';
import type { ControllerContext } from '../controller.ts';
import { ignoreGone, isNamespaceEnding, isTaken } from '../failures.ts';
import type { Deployment, ReplicaSet } from '../kinds.ts';
import { controllerReference, isControlledBy } from '../owners.ts';
import { isFinished } from '../pods.ts';
import { sameJson } from '../same.ts';
import { hashLabel, sameTemplate, templateHash } from '../template-hash.ts';
import {
  beyondHistory,
  findNewest,
  isScaling,
  nextRevision,
  revisionAnnotations,
  revisionOf,
  scaleAnnotations,
} from './revisions.ts';
import {
  annotationKeys,
  desiredOf,
  isRolling,
  newReplicaSetSize,
  replicasOf,
  scaleProportionally,
  shrinkOld,
  type Resize,
} from './rolling.ts';
import {
  conditionOf,
  countStatus,
  hasDeadline,
  isComplete,
  pauseCondition,
  reasons,
  rolloutStatus,
  withCondition,
  type Condition,
  type DeploymentStatus,
} from './status.ts';

/** One round of one Deployment: what it does is decided by the caches it was given. */
export class Rollout {
  private readonly context: ControllerContext;
  private readonly deployment: Deployment;
  private old: readonly ReplicaSet[];
  private newest: ReplicaSet | undefined;

  constructor(context: ControllerContext, deployment: Deployment, owned: readonly ReplicaSet[]) {
    this.context = context;
    this.deployment = structuredClone(deployment);
    this.newest = findNewest(deployment, owned);
    this.old = owned.filter((replicaSet) => replicaSet !== this.newest);
  }

  /** Takes the next steps and returns the status afterwards. */
  async advance(): Promise<DeploymentStatus> {
    const { deployment } = this;
    if (deployment.metadata?.deletionTimestamp) return await this.writeStatus(this.counted());
    const paused = pauseCondition(deployment);
    if (paused) await this.writeConditions(withCondition(deployment.status?.conditions, paused));
    if (deployment.spec?.paused || isScaling(deployment, this.all())) return await this.scale();
    return isRolling(deployment) ? await this.roll() : await this.recreate();
  }

  private all(): ReplicaSet[] {
    return this.newest ? [...this.old, this.newest] : [...this.old];
  }

  private active(): ReplicaSet[] {
    return this.all().filter((replicaSet) => replicasOf(replicaSet) > 0);
  }

  private counted(): DeploymentStatus {
    return countStatus(this.deployment, this.all(), this.newest);
  }

  private async roll(): Promise<DeploymentStatus> {
    await this.ensureNewest();
    const { deployment, newest } = this;
    if (newest) {
      const wanted = desiredOf(deployment);
      const size = replicasOf(newest) > wanted ? wanted : newReplicaSetSize(deployment, this.all(), newest);
      const isGrown =
        replicasOf(newest) !== size && (await this.resize({ replicaSet: newest, replicas: size }));
      if (!isGrown) for (const resize of shrinkOld(deployment, this.old, newest)) await this.resize(resize);
    }
    return await this.finish();
  }

  private async recreate(): Promise<DeploymentStatus> {
    if (this.newest) await this.ensureNewest();
    const shrinking = this.old.filter((replicaSet) => replicasOf(replicaSet) > 0);
    for (const replicaSet of shrinking) await this.resize({ replicaSet, replicas: 0 });
    if (shrinking.length === 0 && !this.hasOldPods()) {
      await this.ensureNewest();
      const { newest } = this;
      if (newest) await this.resize({ replicaSet: newest, replicas: desiredOf(this.deployment) });
    }
    return await this.finish();
  }

  /** Old pods that still run, also while they terminate: Recreate never lets two versions meet. */
  private hasOldPods(): boolean {
    const pods = this.context.informers.store('pods');
    return this.old.some(({ metadata }) =>
      pods.by('owner', metadata?.uid ?? '').some((pod) => !isFinished(pod)),
    );
  }

  /** Follows the wanted number without rolling: while paused, or when the scale changed in a rollout. */
  private async scale(): Promise<DeploymentStatus> {
    if (this.newest) await this.ensureNewest();
    for (const resize of this.scaleSteps()) await this.resize(resize);
    if (this.deployment.spec?.paused) await this.cleanUp();
    return await this.writeStatus(this.counted());
  }

  private scaleSteps(): Resize[] {
    const { deployment, newest } = this;
    const wanted = desiredOf(deployment);
    const active = this.active();
    if (active.length <= 1) {
      const latest = this.old.toSorted((left, right) => revisionOf(right) - revisionOf(left))[0];
      const only = active[0] ?? newest ?? latest;
      return only ? [{ replicaSet: only, replicas: wanted }] : [];
    }
    const isSaturated =
      newest !== undefined &&
      newest.metadata?.annotations?.[annotationKeys.desiredReplicas] === String(wanted) &&
      replicasOf(newest) === wanted &&
      newest.status?.availableReplicas === wanted;
    if (isSaturated) {
      return active
        .filter((replicaSet) => replicaSet !== newest)
        .map((replicaSet) => ({ replicaSet, replicas: 0 }));
    }
    return isRolling(deployment) ? scaleProportionally(deployment, active) : [];
  }

  private async finish(): Promise<DeploymentStatus> {
    if (isComplete(this.deployment, this.deployment.status)) await this.cleanUp();
    return await this.writeStatus(rolloutStatus(this.deployment, this.all(), this.newest));
  }

  private async cleanUp(): Promise<void> {
    for (const { metadata } of beyondHistory(this.deployment, this.old)) {
      const { name = '', namespace, uid } = metadata ?? {};
      await this.context.client.delete('replicasets', name, namespace, { uid }).catch(ignoreGone);
    }
  }

  /** Makes the ReplicaSet of the present template, or brings its annotations up to date. */
  private async ensureNewest(): Promise<void> {
    const revision = nextRevision(this.old);
    const existing = this.newest;
    if (!existing) {
      this.newest = await this.createNewest(revision);
      await this.adoptRevision(revision, reasons.created, 'Created new replica set');
      return;
    }
    const annotations = revisionAnnotations(this.deployment, existing, revision);
    const minReadySeconds = this.deployment.spec?.minReadySeconds ?? 0;
    const isSame =
      sameJson(annotations, existing.metadata?.annotations) &&
      minReadySeconds === (existing.spec?.minReadySeconds ?? 0);
    if (!isSame) {
      this.replace(
        existing,
        await this.context.client.update('replicasets', {
          ...existing,
          metadata: { ...existing.metadata, annotations },
          spec: { selector: {}, ...existing.spec, minReadySeconds },
        }),
      );
    }
    await this.adoptRevision(revisionOf(this.newest), reasons.found, 'Found new replica set');
  }

  /** Tells the Deployment its revision, and once per rollout that its ReplicaSet is there. */
  private async adoptRevision(revision: number, reason: string, text: string): Promise<void> {
    const { client } = this.context;
    const { name = '', namespace, uid } = this.deployment.metadata ?? {};
    if (revisionOf(this.deployment) !== revision) {
      const annotations = { [annotationKeys.revision]: String(revision) };
      const patched = await client.patch('deployments', name, namespace, { metadata: { uid, annotations } });
      this.deployment.metadata = patched.metadata;
    }
    const isNews = reason === reasons.created || !conditionOf(this.deployment.status, 'Progressing');
    if (!isNews || !hasDeadline(this.deployment)) return;
    const message = `${text} "${this.newest?.metadata?.name ?? ''}"`;
    const condition = { type: 'Progressing', status: 'True', reason, message };
    await this.writeConditions(withCondition(this.deployment.status?.conditions, condition));
  }

  private async createNewest(revision: number): Promise<ReplicaSet> {
    const { deployment } = this;
    const { name = '', namespace } = deployment.metadata ?? {};
    const template = structuredClone(deployment.spec?.template);
    const hash = templateHash(template, deployment.status?.collisionCount ?? 0);
    const labels = { ...template?.metadata?.labels, [hashLabel]: hash };
    const selector = deployment.spec?.selector;
    const draft: ReplicaSet = {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: {
        name: `${name}-${hash}`,
        namespace,
        labels,
        annotations: {
          ...revisionAnnotations(deployment, undefined, revision),
          ...scaleAnnotations(deployment),
        },
        ownerReferences: [controllerReference('deployments', deployment)],
      },
      spec: {
        replicas: newReplicaSetSize(deployment, this.old, undefined),
        minReadySeconds: deployment.spec?.minReadySeconds,
        selector: { ...selector, matchLabels: { ...selector?.matchLabels, [hashLabel]: hash } },
        template: { ...template, metadata: { ...template?.metadata, labels } },
      },
    };
    try {
      const created = await this.context.client.create('replicasets', draft);
      this.tellScaled(created, 0, replicasOf(created));
      return created;
    } catch (error) {
      if (isTaken(error)) return await this.resolveCollision(draft, error);
      if (!isNamespaceEnding(error)) await this.reportCreateError(draft, error);
      throw error;
    }
  }

  /** The name is taken: by our own earlier attempt, or by another template whose hash is the same. */
  private async resolveCollision(draft: ReplicaSet, cause: unknown): Promise<ReplicaSet> {
    const { client } = this.context;
    const taken = await client.find('replicasets', draft.metadata?.name ?? '', draft.metadata?.namespace);
    const isOurs =
      taken !== null &&
      isControlledBy(taken, this.deployment) &&
      sameTemplate(taken.spec?.template, draft.spec?.template);
    if (isOurs) return taken;
    const collisionCount = (this.deployment.status?.collisionCount ?? 0) + 1;
    await this.writeStatus({ ...this.deployment.status, collisionCount });
    throw cause;
  }

  private async reportCreateError(draft: ReplicaSet, error: unknown): Promise<void> {
    const name = draft.metadata?.name ?? '';
    const message = `Failed to create new replica set "${name}": ${messageOf(error)}`;
    this.tell('Warning', reasons.createError, message);
    if (!hasDeadline(this.deployment)) return;
    const condition = { type: 'Progressing', status: 'False', reason: reasons.createError, message };
    await this.writeConditions(withCondition(this.deployment.status?.conditions, condition));
  }

  /** Writes size and scale annotations; true when the size changed. */
  private async resize({ replicaSet, replicas }: Resize): Promise<boolean> {
    const before = replicasOf(replicaSet);
    const annotations = { ...replicaSet.metadata?.annotations, ...scaleAnnotations(this.deployment) };
    if (before === replicas && sameJson(annotations, replicaSet.metadata?.annotations)) return false;
    const updated = await this.context.client.update('replicasets', {
      ...replicaSet,
      metadata: { ...replicaSet.metadata, annotations },
      spec: { selector: {}, ...replicaSet.spec, replicas },
    });
    this.replace(replicaSet, updated);
    if (before === replicas) return false;
    this.tellScaled(updated, before, replicas);
    return true;
  }

  private replace(before: ReplicaSet, after: ReplicaSet): void {
    if (this.newest === before) this.newest = after;
    this.old = this.old.map((replicaSet) => (replicaSet === before ? after : replicaSet));
  }

  private async writeConditions(conditions: Condition[]): Promise<void> {
    await this.writeStatus({ ...this.deployment.status, conditions });
  }

  private async writeStatus(status: DeploymentStatus): Promise<DeploymentStatus> {
    if (sameJson(status, this.deployment.status)) return status;
    const written = await this.context.client.updateStatus('deployments', { ...this.deployment, status });
    this.deployment.metadata = written.metadata;
    this.deployment.status = written.status;
    return status;
  }

  private tellScaled(replicaSet: ReplicaSet, from: number, to: number): void {
    if (from === to) return;
    const name = replicaSet.metadata?.name ?? '';
    this.tell(
      'Normal',
      'ScalingReplicaSet',
      `Scaled ${to > from ? 'up' : 'down'} replica set ${name} from ${from} to ${to}`,
    );
  }

  private tell(type: 'Normal' | 'Warning', reason: string, message: string): void {
    const about = { ...this.deployment, kind: 'Deployment', apiVersion: 'apps/v1' };
    this.context.events.record({ about, type, reason, message });
  }
}
