import type { Compare, Operation } from '@skyarc/lib/etcd';
import type { Claim } from './claims.ts';
import type { Group } from './group.ts';
import type { Plan } from './plan.ts';
import type { Writes } from './settlements.ts';
import type { CursorRecord, DeliveryRecord } from './store/records.ts';
import type { GroupView } from './store/topic-view.ts';

/** What one transaction of a group changes. */
export interface Changes {
  readonly view: GroupView;
  readonly writes: Writes;
  readonly claims: readonly Claim[];
  /** How far the cursor moves; null: it stays. */
  readonly move: Pick<Plan, 'settledTo' | 'forgotten'> | null;
}

/** The changes as etcd takes them: the revision of each record and of the cursor is compared. Pure. */
export function renderTransaction(
  group: Group,
  { view, writes, claims, move }: Changes,
): { readonly compare: Compare[]; readonly operations: Operation[] } {
  const compare: Compare[] = [{ key: group.cursorKey, modRevision: view.cursorRevision }];
  const operations: Operation[] = [];
  const put = (sequence: number, record: DeliveryRecord, modRevision: number): void => {
    const key = group.deliveryKey(sequence);
    compare.push({ key, modRevision });
    operations.push({ type: 'put', key, value: JSON.stringify(record) });
  };
  for (const [sequence, write] of writes) put(sequence, write.record, write.modRevision);
  for (const { sequence, record, modRevision } of claims) put(sequence, record, modRevision);
  if (move) {
    const record: CursorRecord = { settledTo: move.settledTo };
    operations.push({ type: 'put', key: group.cursorKey, value: JSON.stringify(record) });
    for (const sequence of move.forgotten)
      operations.push({ type: 'delete', key: group.deliveryKey(sequence) });
  }
  return { compare, operations };
}

/** What a transaction that succeeded wrote, as the cache takes it; null: removed. */
export function writtenBy(operations: readonly Operation[]): { key: string; value: Buffer | null }[] {
  return operations.flatMap((operation) => {
    if (operation.type === 'get') return [];
    return [{ key: operation.key, value: operation.type === 'put' ? Buffer.from(operation.value) : null }];
  });
}
