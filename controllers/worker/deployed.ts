import { isNotFound } from '@skyarc/lib/errors';
import type { KindTable, KubeClient } from '@skyarc/lib/kube';
import { labelsOf, restartAnnotation } from './render/labels.ts';
import { type Rendered, workloadAmong } from './render/app.ts';

/** Which app, by the names that its objects carry. */
export interface AppRef {
  readonly id: string;
  readonly name: string;
  readonly team: string;
  readonly namespace: string;
}

const secretType = 'skyarc.dev/deployed';

/** Name of the Secret that keeps the objects which last worked. */
export function deployedName(app: Pick<AppRef, 'name'>): string {
  return `${app.name}-deployed`;
}

/**
 * The objects of the last operation that succeeded. A failed one goes back to them, and repair holds the
 * cluster to them: the record may hold settings that were tried and did not work.
 */
export async function findDeployed(kube: KubeClient, app: AppRef): Promise<Rendered[] | null> {
  const secret = await kube.find('secrets', deployedName(app), app.namespace);
  return secret?.type === secretType ? parse(secret) : null;
}

/** Remembers the objects as those that work; no write when they are remembered already. */
export async function keepDeployed(
  kube: KubeClient,
  app: AppRef,
  objects: readonly Rendered[],
): Promise<void> {
  const name = deployedName(app);
  const data = { objects: Buffer.from(JSON.stringify(objects)).toString('base64') };
  const existing = await kube.find('secrets', name, app.namespace);
  if (existing?.data?.['objects'] === data.objects) return;
  if (existing) {
    try {
      await kube.patch('secrets', { name, namespace: app.namespace }, { data });
      return;
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
  await kube.create('secrets', {
    metadata: { name, namespace: app.namespace, labels: labelsOf(app) },
    type: secretType,
    data,
  });
}

/** When the deployed pods were last asked to restart: kept, or the next change would restart them again. */
export function restartedAtOf(objects: readonly Rendered[] | null): string | null {
  const workload = objects && workloadAmong(objects);
  return workload?.object.spec?.template.metadata?.annotations?.[restartAnnotation] ?? null;
}

function parse(secret: KindTable['secrets']): Rendered[] | null {
  try {
    return JSON.parse(Buffer.from(secret.data?.['objects'] ?? '', 'base64').toString('utf8')) as Rendered[];
  } catch {
    // Somebody edited it; the record tells the rest.
    return null;
  }
}
