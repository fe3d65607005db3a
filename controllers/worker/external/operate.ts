import type { OperationKind } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { type OperationJournal, readSettings } from '@skyarc/prisma/datacenter';
import type { WorkerContext } from '../context.ts';
import { type AppRef, keepDeployed } from '../deployed.ts';
import { renderExternalApp } from '../render/external.ts';
import { applyObjects, pruneObjects } from '../steps/objects.ts';
import { ExternalMonitor } from './monitor.ts';
import { readExternalSpec } from './record.ts';
import { removeSlices, writeSlices } from './slices.ts';

/** What a third-party app can be told; pods it has none. */
const meant: ReadonlySet<OperationKind> = new Set(['DEPLOY', 'START', 'STOP', 'RESTART', 'CONFIGURE']);

/**
 * Carries out an operation of a third-party app. DEPLOY, START and RESTART look at its endpoints and offer
 * them; STOP takes them away, and its name and routes stay. Throws INVALID for what has no meaning for it.
 */
export async function operateExternal(
  context: WorkerContext,
  run: { kind: OperationKind; ref: AppRef; desired: string; journal: OperationJournal },
): Promise<void> {
  const { db, kube, secretBox, renderOptions } = context;
  const { kind, ref, desired, journal } = run;
  if (!meant.has(kind)) {
    throw new AppError(
      'INVALID',
      `App "${ref.name}" is a third-party app: it has no versions and no pods here`,
    );
  }
  const spec = await readExternalSpec(db, secretBox, ref.id);
  const objects = renderExternalApp(spec, renderOptions);
  await journal.step('APPLY', async () => {
    const writes = await applyObjects(kube, objects);
    return `${writes} of ${objects.length} objects changed`;
  });
  let sentence = 'The app is stopped: nothing is sent to its endpoints';
  await journal.step('ROLL_OUT', async () => {
    if (desired === 'STOPPED') return removeSlices(kube, ref);
    const { allowPrivateSources } = await readSettings(db);
    const monitor = new ExternalMonitor(spec, { allowPrivate: allowPrivateSources });
    await monitor.look();
    await writeSlices(kube, monitor);
    const { state } = monitor;
    for (const { message } of state) if (message) journal.say(message, 'warn');
    const lost = state.filter(({ healthy }) => healthy === false).length;
    sentence =
      lost === 0
        ? `${state.length === 1 ? 'Its endpoint is' : `All ${state.length} endpoints are`} offered`
        : `${state.length - lost} of ${state.length} endpoints are healthy`;
  });
  await keepDeployed(kube, ref, objects);
  await pruneObjects(kube, ref, objects);
  await journal.finish('SUCCEEDED', sentence, async (tx) => {
    await tx.app.updateMany({ where: { id: ref.id }, data: { desired } });
  });
}
