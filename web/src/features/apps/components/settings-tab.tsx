'use client';

import { Button, Form, Input, InputNumber, Modal, Select } from 'antd';
import type { AppFieldsFragment, UpdateAppInput } from '@skyarc/sdk';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { adaptAction, api, useAction } from '../../../components/api.ts';
import { ErrorNote, Note } from '../../../components/note.tsx';
import { Panel } from '../../../components/panel.tsx';
import { RecordPanel } from '../../../components/record-form/index.ts';
import type { Field } from '../../../components/record-form/index.ts';
import { SaveBar } from '../../../components/save-bar.tsx';
import { useText } from '../../../components/use-text.ts';
import { useOperations } from '../../operations/index.ts';
import { useTeam } from '../../teams/index.ts';
import { useUpdateApp } from '../hooks/use-update-app.ts';
import { settingsText } from '../settings-text.ts';
import styles from './apps.module.css';
import { type SourceFields as SourceChoiceFields, sourceInputOf } from '../source-input.ts';
import { GitFields, SshKey } from '../create/source-fields.tsx';
import { ImageFields, SvnFields, UploadFields } from '../create/source-kinds.tsx';

/** Source, build and run settings, and the end of an app. */
export function SettingsTab({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const t = useText(settingsText);
  const { mayDevelop } = useTeam();
  return (
    <div className="stack" style={{ maxWidth: 820 }}>
      {!mayDevelop && <Note kind="info">{t('viewerHint')}</Note>}
      <General app={app} />
      {app.source.kind === 'GIT' && <Source app={app} />}
      <OtherSource app={app} />
      <Run app={app} />
      <Build app={app} />
      {mayDevelop && <DeleteApp app={app} />}
    </div>
  );
}

interface SectionProps<Fields extends object> {
  readonly app: AppFieldsFragment;
  readonly title: string;
  readonly hint?: string;
  readonly testId: string;
  readonly initial: Fields;
  readonly inputOf: (fields: Fields) => UpdateAppInput;
  readonly children: ReactNode;
}

/** A form that saves itself alone. */
function Section<Fields extends object>({
  app,
  title,
  hint,
  testId,
  initial,
  inputOf,
  children,
}: SectionProps<Fields>): ReactNode {
  const { mayDevelop } = useTeam();
  const [form] = Form.useForm<Fields>();
  const [dirty, setDirty] = useState(false);
  const update = useUpdateApp(app.id);
  const save = async (fields: Fields): Promise<void> => {
    if (await update.run(inputOf(fields))) setDirty(false);
  };
  return (
    <Panel flush title={title} hint={hint}>
      <Form
        form={form}
        layout="vertical"
        requiredMark={false}
        disabled={!mayDevelop}
        initialValues={initial}
        onValuesChange={() => setDirty(true)}
        onFinish={(fields: Fields) => void save(fields)}
      >
        <div style={{ padding: '16px 16px 4px' }}>{children}</div>
        <SaveBar
          dirty={dirty}
          busy={update.busy}
          error={update.error}
          testId={testId}
          onSave={() => form.submit()}
          onDiscard={() => {
            form.resetFields();
            setDirty(false);
            update.clear();
          }}
        />
      </Form>
    </Panel>
  );
}

function General({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const t = useText(settingsText);
  const { details } = useTeam();
  return (
    <Section
      app={app}
      title={t('general')}
      testId="general-save"
      initial={{ displayName: app.displayName, groupId: app.group.id }}
      inputOf={(fields) => fields}
    >
      <div className={styles['pair']}>
        <Form.Item name="displayName" label={t('displayName')}>
          <Input autoComplete="off" />
        </Form.Item>
        <Form.Item name="groupId" label={t('group')}>
          <Select
            options={(details.data?.team?.groups ?? []).map(({ id, name }) => ({ value: id, label: name }))}
          />
        </Form.Item>
      </div>
    </Section>
  );
}

interface SourceFields {
  readonly url: string;
  readonly branch: string;
  readonly subdirectory: string;
  readonly username?: string;
  readonly password?: string;
}

function Source({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const t = useText(settingsText);
  const { url, branch, subdirectory, hasCredentials } = app.source;
  return (
    <Section<SourceFields>
      app={app}
      title={t('sourceTitle')}
      hint={t('sourceHint')}
      testId="source-save"
      initial={{ url: url ?? '', branch: branch ?? '', subdirectory: subdirectory ?? '' }}
      inputOf={({ username, password, ...git }) => ({
        source: { git: { ...git, ...(username && { username }), ...(password && { password }) } },
      })}
    >
      <GitFields stored={hasCredentials} />
      <div style={{ margin: '16px 0 12px' }}>
        <SshKey teamName={app.team.name} dataCenter={app.dataCenter.name} />
      </div>
    </Section>
  );
}

/** Image, Subversion and archive sources. */
function OtherSource({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const t = useText(settingsText);
  const { kind, url, branch, subdirectory, image, revision } = app.source;
  if (kind !== 'IMAGE' && kind !== 'SVN' && kind !== 'UPLOAD') return null;
  const choice = ({ IMAGE: 'image', SVN: 'svn', UPLOAD: 'upload' } as const)[kind];
  return (
    <Section<SourceChoiceFields>
      app={app}
      title={t('sourceTitle')}
      hint={t('sourceHint')}
      testId="source-save"
      initial={{
        svnUrl: url ?? '',
        svnBranch: branch ?? '',
        revision,
        subdirectory: subdirectory ?? '',
        image: image ?? '',
        uploadId: app.source.uploadId ?? undefined,
      }}
      inputOf={(fields) => ({ source: sourceInputOf(choice, fields) })}
    >
      {kind === 'IMAGE' && <ImageFields />}
      {kind === 'SVN' && <SvnFields />}
      {kind === 'UPLOAD' && (
        <>
          <p className="soft small" style={{ marginBottom: 10 }}>
            {app.source.fileName}
          </p>
          <UploadFields />
        </>
      )}
    </Section>
  );
}

interface RunFields {
  readonly healthPath: string;
  readonly startTimeoutSeconds: number;
  readonly command: string;
}

function Run({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const t = useText(settingsText);
  const { healthPath, startTimeoutSeconds, command } = app.run;
  return (
    <Section<RunFields>
      app={app}
      title={t('run')}
      testId="run-save"
      initial={{ healthPath: healthPath ?? '', startTimeoutSeconds, command: (command ?? []).join('\n') }}
      inputOf={(fields) => ({
        run: {
          healthPath: fields.healthPath,
          startTimeoutSeconds: fields.startTimeoutSeconds,
          command: fields.command.split('\n').filter((part) => part !== ''),
        },
      })}
    >
      <div className={styles['pair']}>
        <Form.Item name="healthPath" label={t('healthPath')} extra={t('healthHelp')}>
          <Input className="mono" placeholder="/healthz" autoComplete="off" />
        </Form.Item>
        <Form.Item name="startTimeoutSeconds" label={t('startTimeout')}>
          <InputNumber min={1} max={3_600} style={{ width: '100%' }} />
        </Form.Item>
      </div>
      <Form.Item name="command" label={t('command')} extra={t('commandHelp')}>
        <Input.TextArea className="mono" autoSize={{ minRows: 2, maxRows: 8 }} spellCheck={false} />
      </Form.Item>
    </Section>
  );
}

function Build({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const t = useText(settingsText);
  const { mayDevelop } = useTeam();
  const update = useUpdateApp(app.id);
  const text = (key: string, help?: string): Field => ({
    kind: 'text',
    key,
    mono: true,
    label: key === 'command' ? t('buildCommand') : t(key as 'module'),
    ...(help && { help }),
  });
  const words = (key: 'args' | 'env', help: string): Field => ({
    kind: 'rows',
    key,
    label: t(key === 'args' ? 'buildArgs' : 'buildEnv'),
    help,
    add: t('addRow'),
    empty: { name: '', value: '' },
    fields: [
      { kind: 'text', key: 'name', label: t('rowName'), mono: true },
      { kind: 'text', key: 'value', label: t('rowValue'), mono: true },
    ],
  });
  return (
    <RecordPanel<Record<string, unknown>>
      title={t('build')}
      hint={t('buildHint')}
      testId="build"
      editable={mayDevelop}
      value={app.build}
      action={adaptAction(update, (build) => ({ build: buildInputOf(build) }))}
      fields={[
        text('buildpack', t('buildpackHelp')),
        text('module', t('moduleHelp')),
        text('command', t('buildCommandHelp')),
        text('start', t('startHelp')),
        text('dockerfile', t('dockerfileHelp')),
        text('target', t('targetHelp')),
        text('documentRoot', t('documentRootHelp')),
        words('args', t('buildArgsHelp')),
        words('env', t('buildEnvHelp')),
        limit('cpuMillis', t('buildCpu'), 100, 100),
        limit('memoryMb', t('buildMemory'), 128, 256),
        limit('diskMb', t('buildDisk'), 256, 512),
        limit('timeoutSeconds', t('buildTimeout'), 30, 60),
      ]}
    />
  );
}

const limit = (key: string, label: string, min: number, step: number): Field => ({
  kind: 'number',
  key,
  label,
  min,
  step,
});

const buildTexts = ['buildpack', 'module', 'command', 'start', 'dockerfile', 'target', 'documentRoot'];

/** An emptied text takes the setting away. */
function buildInputOf(value: Readonly<Record<string, unknown>>): NonNullable<UpdateAppInput['build']> {
  const texts = Object.fromEntries(buildTexts.map((key) => [key, value[key] ?? '']));
  return { ...(value as UpdateAppInput['build']), ...texts };
}

function DeleteApp({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const t = useText(settingsText);
  const { add } = useOperations();
  const [asking, setAsking] = useState(false);
  const [typed, setTyped] = useState('');
  const { run, busy, error } = useAction(async () => {
    add(await api().apps.delete(app.id));
    setAsking(false);
  });
  return (
    <Panel danger title={t('danger')}>
      <div className="row wrap">
        <p className="grow soft">{t('dangerHelp')}</p>
        <Button danger onClick={() => setAsking(true)} data-testid="delete-app">
          {t('delete')}
        </Button>
      </div>
      <Modal
        open={asking}
        title={t('deleteTitle', { name: app.name })}
        okText={t('delete')}
        cancelText={t('cancel')}
        okButtonProps={{
          danger: true,
          disabled: typed !== app.name,
          loading: busy,
          'data-testid': 'delete-confirm',
        }}
        onOk={() => void run()}
        onCancel={() => {
          setAsking(false);
          setTyped('');
        }}
        destroyOnHidden
      >
        <div className="stack">
          <p>{t('dangerHelp')}</p>
          <label>
            <span className="soft" style={{ display: 'block', marginBottom: 6 }}>
              {t('deleteType', { name: app.name })}
            </span>
            <Input
              autoFocus
              className="mono"
              value={typed}
              autoComplete="off"
              data-testid="delete-name"
              onChange={({ target }) => setTyped(target.value)}
              onPressEnter={() => typed === app.name && void run()}
            />
          </label>
          <ErrorNote error={error} title={t('notDeleted')} />
        </div>
      </Modal>
    </Panel>
  );
}
