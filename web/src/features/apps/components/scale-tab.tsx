'use client';

import { MinusOutlined, PlusOutlined } from '@ant-design/icons';
import { Button, Form, InputNumber, Space } from 'antd';
import type { AppFieldsFragment } from '@skyarc/sdk';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { api, useAction } from '../../../components/api.ts';
import { cores, memory } from '../../../components/format.ts';
import { ErrorNote } from '../../../components/note.tsx';
import { Panel } from '../../../components/panel.tsx';
import { SaveBar } from '../../../components/save-bar.tsx';
import { useText } from '../../../components/use-text.ts';
import { useOperations } from '../../operations/index.ts';
import { useTeam } from '../../teams/index.ts';
import { useUpdateApp } from '../hooks/use-update-app.ts';
import { settingsText } from '../settings-text.ts';
import { appText } from '../text.ts';
import styles from './apps.module.css';
import { Autoscaling } from './autoscaling.tsx';
import { PodList } from './pod-list.tsx';
import { PodPips } from './state-badge.tsx';

const mostReplicas = 50;

/** How many pods, and how big each may be. */
export function ScaleTab({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const t = useText(appText);
  return (
    <div className={styles['detail']}>
      <div className="stack">
        <Replicas app={app} />
        <Limits app={app} />
        <Autoscaling app={app} />
      </div>
      <Panel
        flush
        title={t('pods')}
        hint={t('podsReady', { ready: app.readyReplicas, wanted: app.run.replicas })}
      >
        <PodList app={app} />
      </Panel>
    </div>
  );
}

function Replicas({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const t = useText(settingsText);
  const { mayDevelop } = useTeam();
  const { add } = useOperations();
  const [wanted, setWanted] = useState<number>();
  const { run, busy, error } = useAction(async (replicas: number) => {
    add(await api().apps.scale(app.id, replicas));
    setWanted(undefined);
  });
  const shown = wanted ?? app.run.replicas;
  const set = (next: number | null): void => setWanted(Math.min(mostReplicas, Math.max(1, next ?? 1)));
  return (
    <Panel title={t('pods')} hint={t('podsHint')}>
      <div className={styles['scale']}>
        <Space.Compact size="large">
          <Button
            icon={<MinusOutlined />}
            disabled={!mayDevelop || shown <= 1}
            aria-label={t('fewer')}
            onClick={() => set(shown - 1)}
          />
          <InputNumber
            value={shown}
            min={1}
            max={mostReplicas}
            controls={false}
            disabled={!mayDevelop}
            style={{ width: 72 }}
            aria-label={t('pods')}
            data-testid="scale-input"
            onChange={set}
          />
          <Button
            icon={<PlusOutlined />}
            disabled={!mayDevelop || shown >= mostReplicas}
            aria-label={t('moreOne')}
            onClick={() => set(shown + 1)}
          />
        </Space.Compact>
        <PodPips ready={app.readyReplicas} wanted={shown} />
        <span className="grow" />
        <Button
          type="primary"
          size="large"
          loading={busy}
          disabled={!mayDevelop || shown === app.run.replicas}
          data-testid="scale-submit"
          onClick={() => void run(shown)}
        >
          {t('scaleTo', { n: shown })}
        </Button>
      </div>
      <p className="faint small" style={{ marginTop: 14 }}>
        {t('totals', { cores: cores(shown * app.run.cpuMillis), memory: memory(shown * app.run.memoryMb) })}
      </p>
      <ErrorNote error={error} title={t('notScaled')} />
    </Panel>
  );
}

interface LimitFields {
  readonly cpuMillis: number;
  readonly memoryMb: number;
}

function Limits({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const t = useText(settingsText);
  const { mayDevelop } = useTeam();
  const [edited, setEdited] = useState<LimitFields>();
  const update = useUpdateApp(app.id);
  const { cpuMillis, memoryMb } = edited ?? app.run;
  return (
    <Panel flush title={t('limits')} hint={t('limitsHint')}>
      <Form layout="vertical" component="div" disabled={!mayDevelop}>
        <div className={styles['pair']} style={{ padding: '16px 16px 0' }}>
          <Form.Item label={t('cpu')}>
            <InputNumber
              value={cpuMillis}
              min={10}
              max={64_000}
              step={100}
              style={{ width: '100%' }}
              aria-label={t('cpu')}
              onChange={(value) => value && setEdited({ cpuMillis: value, memoryMb })}
            />
          </Form.Item>
          <Form.Item label={t('memory')}>
            <InputNumber
              value={memoryMb}
              min={16}
              max={262_144}
              step={64}
              style={{ width: '100%' }}
              aria-label={t('memory')}
              onChange={(value) => value && setEdited({ cpuMillis, memoryMb: value })}
            />
          </Form.Item>
        </div>
      </Form>
      <SaveBar
        dirty={edited !== undefined}
        busy={update.busy}
        error={update.error}
        testId="limits-save"
        onSave={() =>
          void update.run({ run: { cpuMillis, memoryMb } }).then((done) => done && setEdited(undefined))
        }
        onDiscard={() => {
          setEdited(undefined);
          update.clear();
        }}
      />
    </Panel>
  );
}
