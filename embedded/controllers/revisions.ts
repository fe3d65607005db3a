import { isTaken } from './failures.ts';
import type { KubeClient } from '../client/index.ts';
import type { ControllerRevision, DaemonSet, PodTemplate, StatefulSet } from './kinds.ts';
import { controllerReference } from './owners.ts';
import { sameJson } from './same.ts';
import { shortHash } from './template-hash.ts';

/** A workload whose templates are kept as ControllerRevisions. */
export type Revised =
  | { readonly resource: 'statefulsets'; readonly object: StatefulSet }
  | { readonly resource: 'daemonsets'; readonly object: DaemonSet };

/** The template of a revision; undefined for a revision that holds none. */
export function templateOf(revision: ControllerRevision): PodTemplate | undefined {
  const data = revision.data as { spec?: { template?: PodTemplate & { $patch?: string } } } | undefined;
  if (!data?.spec?.template) return undefined;
  const { $patch: _, ...template } = data.spec.template;
  return template;
}

/**
 * The revision of the set's present template: a known one (raised to the newest number when it comes
 * back by a rollback), or a new one, stored as the strategic merge patch that kubectl undoes with.
 */
export async function ensureRevision(
  client: KubeClient,
  owner: Revised,
  revisions: readonly ControllerRevision[],
): Promise<{ revision: ControllerRevision; collisionCount: number }> {
  const { object: set } = owner;
  const sorted = byNumber(revisions);
  const latest = sorted.at(-1);
  const collisionCount = set.status?.collisionCount ?? 0;
  const equal = sorted.findLast((revision) => sameJson(templateOf(revision), set.spec?.template));
  if (equal && equal === latest) return { revision: equal, collisionCount };
  const number = (latest?.revision ?? 0) + 1;
  if (equal) {
    const revision = await client.update('controllerrevisions', { ...equal, revision: number });
    return { revision, collisionCount };
  }
  return await create(client, owner, { number, collisionCount });
}

async function create(
  client: KubeClient,
  { resource, object: set }: Revised,
  { number, collisionCount }: { number: number; collisionCount: number },
): Promise<{ revision: ControllerRevision; collisionCount: number }> {
  const { name: owner = '', namespace, annotations } = set.metadata ?? {};
  const template = set.spec?.template;
  for (let collisions = collisionCount; ; collisions += 1) {
    const hash = shortHash(template, collisions);
    const name = `${owner}-${hash}`;
    const draft: ControllerRevision = {
      apiVersion: 'apps/v1',
      kind: 'ControllerRevision',
      metadata: {
        name,
        namespace,
        labels: { ...template?.metadata?.labels, 'controller.kubernetes.io/hash': hash },
        annotations,
        ownerReferences: [controllerReference(resource, set)],
      },
      data: { spec: { template: { ...template, $patch: 'replace' } } },
      revision: number,
    };
    try {
      return { revision: await client.create('controllerrevisions', draft), collisionCount: collisions };
    } catch (error) {
      if (!isTaken(error)) throw error;
      const taken = await client.find('controllerrevisions', name, namespace);
      if (taken && sameJson(templateOf(taken), template))
        return { revision: taken, collisionCount: collisions };
    }
  }
}

/** Revisions that no pod and no status names, beyond the history limit, oldest first. */
export function beyondHistory(
  set: StatefulSet | DaemonSet,
  revisions: readonly ControllerRevision[],
  inUse: ReadonlySet<string>,
): ControllerRevision[] {
  const idle = byNumber(revisions).filter(({ metadata }) => !inUse.has(metadata?.name ?? ''));
  return idle.slice(0, Math.max(0, idle.length - (set.spec?.revisionHistoryLimit ?? 10)));
}

function byNumber(revisions: readonly ControllerRevision[]): ControllerRevision[] {
  return revisions.toSorted((left, right) => (left.revision ?? 0) - (right.revision ?? 0));
}
