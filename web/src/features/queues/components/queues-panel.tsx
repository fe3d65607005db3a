'use client';

import { Button, Modal } from 'antd';
import { QueueTopicsDocument } from '@skyarc/sdk';
import type { QueueTopicFieldsFragment } from '@skyarc/sdk';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { useQuery } from '../../../components/api.ts';
import { DataList } from '../../../components/data-list.tsx';
import { duration } from '../../../components/format.ts';
import { Panel } from '../../../components/panel.tsx';
import { Empty, Loaded } from '../../../components/states.tsx';
import { useText } from '../../../components/use-text.ts';
import { queueText } from '../text.ts';
import { DeadLetters } from './dead-letters.tsx';
import { TopicSettings } from './topic-settings.tsx';

type Topic = QueueTopicFieldsFragment;

/** Topics of a data centre's queue with their groups, and the dead letters of each; for administrators. */
export function QueuesPanel({ dataCenter }: { readonly dataCenter: string }): ReactNode {
  const t = useText(queueText);
  const state = useQuery(QueueTopicsDocument, {}, { refreshMs: 5_000 });
  const [open, setOpen] = useState<string>();
  const [settings, setSettings] = useState<string>();
  const topics = state.data?.dataCenters.find(({ name }) => name === dataCenter)?.queueTopics ?? [];
  const chosen = topics.find(({ name }) => name === settings);
  return (
    <Panel flush title={t('title')} hint={t('hint')} testId="queues">
      <Loaded state={state} rows={3}>
        {() =>
          topics.length === 0 ? (
            <Empty title={t('none')} />
          ) : (
            <Topics topics={topics} onOpen={setOpen} onSettings={setSettings} />
          )
        }
      </Loaded>
      <Modal
        open={open !== undefined}
        title={t('deadOf', { topic: open ?? '' })}
        footer={null}
        width={860}
        destroyOnHidden
        onCancel={() => setOpen(undefined)}
      >
        {open !== undefined && <DeadLetters dataCenter={dataCenter} topic={open} reload={state.reload} />}
      </Modal>
      <Modal
        open={chosen !== undefined}
        title={t('settingsOf', { topic: settings ?? '' })}
        footer={null}
        width={720}
        destroyOnHidden
        onCancel={() => setSettings(undefined)}
      >
        {chosen && <TopicSettings dataCenter={dataCenter} topic={chosen} reload={state.reload} />}
      </Modal>
    </Panel>
  );
}

interface TopicsProps {
  readonly topics: readonly Topic[];
  readonly onOpen: (topic: string) => void;
  readonly onSettings: (topic: string) => void;
}

function Topics({ topics, onOpen, onSettings }: TopicsProps): ReactNode {
  const t = useText(queueText);
  return (
    <DataList
      label={t('title')}
      items={topics}
      keyOf={({ name }) => name}
      columns={[
        {
          key: 'topic',
          title: t('topic'),
          render: ({ name }) => (
            <Button
              type="link"
              size="small"
              style={{ padding: 0, fontWeight: 560 }}
              data-testid={`topic-${name}`}
              onClick={() => onSettings(name)}
            >
              {name}
            </Button>
          ),
        },
        { key: 'messages', title: t('messages'), align: 'right', render: ({ messages }) => messages },
        {
          key: 'oldest',
          title: t('oldest'),
          align: 'right',
          render: ({ oldestSeconds }) =>
            typeof oldestSeconds === 'number' ? duration(oldestSeconds * 1_000) : '–',
        },
        {
          key: 'rate',
          title: t('rate'),
          align: 'right',
          render: ({ publishedLastMinute }) => publishedLastMinute,
        },
        {
          key: 'groups',
          title: t('groups'),
          render: ({ groups }) =>
            groups.length === 0 ? (
              <span className="faint">{t('nobody')}</span>
            ) : (
              groups.map((group) => <GroupLine key={group.name} group={group} />)
            ),
        },
        {
          key: 'dead',
          title: t('dead'),
          align: 'right',
          render: ({ name, deadLetters }) => (
            <Button
              size="small"
              danger={deadLetters > 0}
              disabled={deadLetters === 0}
              data-testid={`dead-letters-${name}`}
              onClick={() => onOpen(name)}
            >
              {deadLetters}
            </Button>
          ),
        },
      ]}
    />
  );
}

function GroupLine({ group }: { readonly group: Topic['groups'][number] }): ReactNode {
  const t = useText(queueText);
  const { name, waiting, inFlight, consumers, mostAttempts } = group;
  const facts = [
    t('consumers', { n: consumers }),
    t('waiting', { n: waiting }),
    t('inFlight', { n: inFlight }),
    ...(mostAttempts > 1 ? [t('attempts', { n: mostAttempts })] : []),
  ];
  return (
    <div className="small">
      {name} <span className="faint">{facts.join(' · ')}</span>
    </div>
  );
}
