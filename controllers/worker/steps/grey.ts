import { greyRelease, type OperationKind } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { sleep } from '@skyarc/lib/retry';
import type { AppRecord, DataCenterDatabase, OperationRecord } from '@skyarc/prisma/datacenter';
import type { SpecRequest } from '../records.ts';
import type { Rendered } from '../render/app.ts';
import { candidateOf, greyName } from '../render/grey.ts';
import { type GreySpec, mainPortOf, type RunSpec } from '../render/run-spec.ts';
import { failure } from './failure.ts';

/** Gateways have new shares within milliseconds; what they may still send meets the candidate for so long. */
const leaveMs = 2_000;

/** Which version an operation leads the app to, and which candidate beside it. */
export async function planOf(
  db: DataCenterDatabase,
  operation: OperationRecord,
  app: AppRecord,
): Promise<Pick<SpecRequest, 'versionId' | 'grey'>> {
  switch (operation.kind as OperationKind) {
    case 'GREY_START':
      return { grey: await readCandidate(db, operation, app) };
    case 'GREY_PROMOTE':
      // Both run beside each other until the last pod is of the candidate's version.
      return { versionId: app.greyVersionId };
    case 'GREY_ABORT':
      return { grey: null };
    default:
      return { versionId: operation.versionId };
  }
}

/** Throws INVALID where an app cannot have a candidate. */
export async function checkCandidate(db: DataCenterDatabase, spec: RunSpec): Promise<void> {
  if (!spec.grey) throw failure('There is no version to try; choose one');
  const { version } = spec.grey;
  if (spec.workload !== 'STATELESS') throw failure('Only stateless apps can have a grey release');
  if (version.id === spec.version.id) throw failure(`Version ${version.number} is the current one already`);
  if (spec.replicas === 0) throw failure('The app is stopped; start it first');
  if (!mainPortOf(spec)) throw failure('The app has no port, so there are no requests to share');
  const taken = await db.app.findFirst({ where: { teamName: spec.team, name: greyName(spec) } });
  if (taken)
    throw failure(`The name "${greyName(spec)}" is needed for the candidate, and another app has it`);
}

/** What the app's record says of its candidate after an operation; nothing where it stays as it is. */
export function greyRecordOf(
  kind: OperationKind,
  { grey }: RunSpec,
): { greyVersionId?: string | null; greyRelease?: string | null } {
  if (kind === 'GREY_START' && grey) {
    return { greyVersionId: grey.version.id, greyRelease: JSON.stringify(grey.release) };
  }
  const isOver = kind === 'GREY_PROMOTE' || kind === 'GREY_ABORT';
  return isOver ? { greyVersionId: null, greyRelease: null } : {};
}

/** What rolls out the candidate: the app as it is tried, with the candidate's Deployment alone. */
export function candidateRun(
  spec: RunSpec,
  objects: readonly Rendered[],
): { spec: RunSpec; objects: Rendered[] } | null {
  const candidate = candidateOf(spec);
  if (!candidate) return null;
  const isIts = ({ resource, object }: Rendered) =>
    resource === 'deployments' && object.metadata?.name === greyName(spec);
  return { spec: candidate, objects: objects.filter(isIts) };
}

/** Waits until no gateway sends to the candidate any more. */
export async function awaitLeave(signal: AbortSignal): Promise<void> {
  await sleep(leaveMs, signal);
}

async function readCandidate(
  db: DataCenterDatabase,
  operation: OperationRecord,
  app: AppRecord,
): Promise<GreySpec> {
  // What the operation was begun with counts; the record has it when it has succeeded.
  const told = greyRelease.safeParse(JSON.parse(operation.arguments));
  const release = told.success ? told.data : greyRelease.parse(JSON.parse(app.greyRelease ?? '{}'));
  const id = operation.versionId ?? app.greyVersionId;
  const version = id ? await db.version.findFirst({ where: { id, appId: app.id } }) : null;
  if (!version) throw new AppError('NOT_FOUND', `App "${app.name}" has no such version`);
  return { version: { id: version.id, number: version.number, image: version.image }, release };
}
