import { Button, Popconfirm } from 'antd';
import type { QueueLimitsInput, QueueTopicFieldsFragment } from '@skyarc/sdk';
import type { ReactNode } from 'react';
import { api, useAction } from '../../../components/api.ts';
import { ErrorNote } from '../../../components/note.tsx';
import { RecordPanel } from '../../../components/record-form/index.ts';
import { useText } from '../../../components/use-text.ts';
import { queueText } from '../text.ts';

export interface TopicSettingsProps {
  readonly dataCenter: string;
  readonly topic: QueueTopicFieldsFragment;
  /** Of the list behind. */
  readonly reload: () => Promise<void>;
}

/** How much a topic takes and keeps, and its groups; one that nobody reads any more can be forgotten. */
export function TopicSettings({ dataCenter, topic, reload }: TopicSettingsProps): ReactNode {
  const t = useText(queueText);
  const save = useAction(async (limits: QueueLimitsInput) => {
    await api().platform.updateQueueTopic(dataCenter, topic.name, limits);
    await reload();
    return true as const;
  });
  const forget = useAction(async (group: string) => {
    await api().platform.deleteQueueGroup(dataCenter, topic.name, group);
    await reload();
  });
  const unread = topic.groups.filter(({ consumers }) => consumers === 0);
  const amount = { kind: 'number', min: 1, placeholder: t('noLimit') } as const;
  return (
    <div className="stack">
      <RecordPanel<QueueLimitsInput>
        title={t('limits')}
        hint={t('limitsHint')}
        fields={[
          { ...amount, key: 'maxMessages', label: t('maxMessages'), help: t('maxHelp') },
          { ...amount, key: 'maxBytes', label: t('maxBytes'), unit: t('bytes'), help: t('maxHelp') },
          { ...amount, key: 'retainSeconds', label: t('retainSeconds'), unit: t('seconds') },
          { ...amount, key: 'retainMessages', label: t('retainMessages') },
          { ...amount, key: 'retainBytes', label: t('retainBytes'), unit: t('bytes') },
        ]}
        value={topic.limits}
        action={save}
        testId={`limits-${topic.name}`}
        editable
      />
      <ErrorNote error={forget.error} />
      {unread.map(({ name, waiting }) => (
        <span key={name} className="row">
          <strong>{name}</strong>
          <span className="faint small">{t('waiting', { n: waiting })}</span>
          <Popconfirm title={t('confirmForget')} onConfirm={() => void forget.run(name)}>
            <Button size="small" danger loading={forget.busy}>
              {t('forget')}
            </Button>
          </Popconfirm>
        </span>
      ))}
    </div>
  );
}
