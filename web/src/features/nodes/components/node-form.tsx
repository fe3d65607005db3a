'use client';

import type { NodeFieldsFragment } from '@skyarc/sdk';
import type { ReactNode } from 'react';
import { api, useAction } from '../../../components/api.ts';
import { RecordPanel } from '../../../components/record-form/index.ts';
import { useText } from '../../../components/use-text.ts';
import { nodeText } from '../text.ts';

type Node = NodeFieldsFragment;
type Label = Node['labels'][number];
interface Purpose {
  readonly roles: Node['roles'];
  readonly labels: readonly Label[];
}

const roles = ['MANAGE', 'COMPUTE', 'GATEWAY', 'STORAGE'] as const;
/** Labels that Kubernetes and Skyarc keep themselves. */
const isKept = ({ key }: Label): boolean => /(^|[./])(kubernetes\.io|k8s\.io|skyarc\.dev)\//.test(key);

export interface NodeFormProps {
  readonly node: Node;
  readonly dataCenter: string;
  readonly reload: () => Promise<void>;
}

/** What a machine is for: its roles, and labels by which apps choose it. */
export function NodeForm({ node, dataCenter, reload }: NodeFormProps): ReactNode {
  const t = useText(nodeText);
  const own = node.labels.filter((label) => !isKept(label));
  const save = useAction(async (purpose: Purpose) => {
    const keys = new Set(purpose.labels.map(({ key }) => key));
    await api().platform.updateNode(dataCenter, node.name, {
      roles: [...purpose.roles],
      labels: purpose.labels.map(({ key, value }) => ({ key, value: value ?? '' })),
      removeLabels: own.filter(({ key }) => !keys.has(key)).map(({ key }) => key),
    });
    await reload();
    return true as const;
  });
  return (
    <RecordPanel<Purpose>
      title={t('purpose')}
      hint={t('purposeHint')}
      fields={[
        {
          kind: 'words',
          key: 'roles',
          label: t('roles'),
          options: roles.map((value) => ({ value, label: t(value) })),
        },
        {
          kind: 'rows',
          key: 'labels',
          label: t('labels'),
          add: t('addLabel'),
          empty: { key: '', value: '' },
          fields: [
            { kind: 'text', key: 'key', label: t('key'), mono: true },
            { kind: 'text', key: 'value', label: t('value'), mono: true },
          ],
        },
      ]}
      value={{ roles: node.roles, labels: own }}
      action={save}
      testId={`purpose-${node.name}`}
      editable={node.schedulable}
    >
      <p className="faint small" style={{ marginTop: 14 }}>
        {t('keptLabels')}:{' '}
        {node.labels
          .filter(isKept)
          .map(({ key, value }) => (value ? `${key}=${value}` : key))
          .join(', ')}
      </p>
    </RecordPanel>
  );
}
