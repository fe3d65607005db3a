'use client';

import { Button, Form, Input, InputNumber, Select, Switch } from 'antd';
import { DataCentersDocument, TemplatesDocument } from '@skyarc/sdk';
import type { CreateAppInput, Workload } from '@skyarc/sdk';
import { useRouter, useSearchParams } from 'next/navigation';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { api, useAction, useQuery } from '../../../components/api.ts';
import { memory } from '../../../components/format.ts';
import { ErrorNote } from '../../../components/note.tsx';
import { Page } from '../../../components/page.tsx';
import { Panel } from '../../../components/panel.tsx';
import { Empty, Loaded } from '../../../components/states.tsx';
import { useText } from '../../../components/use-text.ts';
import { useOperations } from '../../operations/index.ts';
import { useTeam } from '../../teams/index.ts';
import { parseEnvFile } from '../env-file.ts';
import { appNamePattern, nameFromUrl } from '../names.ts';
import { ImportWizard } from '../imports/import-wizard.tsx';
import { nameFromFile, type SourceChoice, type SourceFields, sourceInputOf } from '../source-input.ts';
import { appText } from '../text.ts';
import { wizardText } from '../wizard-text.ts';
import styles from './apps.module.css';
import { ExaminePanel } from './examine-panel.tsx';
import { GitFields, SshKey } from './source-fields.tsx';
import { ImageFields, SvnFields, UploadFields } from './source-kinds.tsx';

type Kind = SourceChoice | 'dockerRun' | 'compose';

const kinds: readonly Kind[] = [
  'git',
  'upload',
  'image',
  'compose',
  'dockerRun',
  'svn',
  'template',
  'external',
];

interface Fields extends SourceFields {
  readonly workload?: Workload;
  readonly schedule?: string;
  readonly name: string;
  readonly groupId: string;
  readonly dataCenter?: string;
  readonly replicas: number;
  readonly memoryMb: number;
  readonly cpuMillis: number;
  readonly environment?: string;
  readonly secretEnvironment?: boolean;
  readonly module?: string;
}

function inputOf(kind: SourceChoice, fields: Fields, deploy: boolean): CreateAppInput {
  const secret = fields.secretEnvironment ?? false;
  const workload = fields.workload ?? 'STATELESS';
  return {
    groupId: fields.groupId,
    ...(fields.dataCenter && { dataCenter: fields.dataCenter }),
    name: fields.name,
    source: sourceInputOf(kind, fields),
    ...(fields.module && { build: { module: fields.module } }),
    run: {
      workload,
      replicas: fields.replicas,
      memoryMb: fields.memoryMb,
      cpuMillis: fields.cpuMillis,
      ...(workload === 'CRON_JOB' && { job: { schedule: fields.schedule } }),
    },
    env: parseEnvFile(fields.environment ?? '').entries.map((entry) => ({ ...entry, secret })),
    deploy,
  };
}

/** From a source to an app: the wizard, on one page. */
export function NewAppPage(): ReactNode {
  const t = useText(wizardText);
  const app = useText(appText);
  const router = useRouter();
  const search = useSearchParams();
  const { team, details, mayDevelop } = useTeam();
  const { add } = useOperations();
  const centers = useQuery(DataCentersDocument, {});
  const [form] = Form.useForm<Fields>();
  const [kind, setKind] = useState<Kind>(kinds.find((one) => one === search.get('from')) ?? 'git');
  const [named, setNamed] = useState(false);
  const groups = details.data?.team?.groups ?? [];
  const group =
    groups.find(({ id }) => id === search.get('group')) ??
    groups.find(({ name }) => name === 'default') ??
    groups[0];
  const dataCenters = centers.data?.dataCenters ?? [];

  const { run, busy, error } = useAction(async (fields: Fields, deploy: boolean) => {
    const made = await api().apps.create(inputOf(kind as SourceChoice, fields, deploy));
    if (made.operation) add(made.operation);
    const build = made.operation?.build;
    router.push(`/app?id=${made.app.id}${build ? `&tab=builds&build=${build.id}` : ''}`);
  });

  const suggest = (name: string): void => {
    if (!named) form.setFieldValue('name', name);
  };
  const required = { required: true, message: t('required') };
  const isExamined = kind === 'git' || kind === 'svn' || kind === 'upload' || kind === 'image';

  if (!mayDevelop) {
    return (
      <Page title={t('title')} crumbs={[{ href: '/', label: team.displayName }]}>
        <Empty title={t('notForViewers')} help={t('notForViewersHelp')} />
      </Page>
    );
  }
  return (
    <Page title={t('title')} subtitle={t('subtitle')} crumbs={[{ href: '/', label: team.displayName }]}>
      <KindPicker kind={kind} onKind={setKind} />
      <Loaded state={details} rows={8}>
        {() =>
          kind === 'compose' || kind === 'dockerRun' ? (
            <ImportWizard
              key={kind}
              kind={kind}
              groups={groups}
              groupId={group?.id}
              dataCenters={dataCenters}
            />
          ) : (
            <Form
              form={form}
              layout="vertical"
              requiredMark={false}
              scrollToFirstError
              initialValues={{
                branch: 'main',
                workload: 'STATELESS',
                groupId: group?.id,
                replicas: 1,
                memoryMb: 512,
                cpuMillis: 500,
                dataCenter: dataCenters[0]?.name,
              }}
              onFinish={(fields: Fields) => void run(fields, true)}
            >
              <div className={styles['wizard']}>
                <div className="stack">
                  <Panel title={t('source')}>
                    {kind === 'git' && <GitFields onUrl={(url) => suggest(nameFromUrl(url))} />}
                    {kind === 'svn' && <SvnFields onUrl={(url) => suggest(nameFromUrl(url))} />}
                    {kind === 'upload' && <UploadFields onFile={(name) => suggest(nameFromFile(name))} />}
                    {kind === 'image' && <ImageFields onImage={(image) => suggest(nameFromFile(image))} />}
                    {kind === 'external' && (
                      <Form.Item
                        name="endpoints"
                        label={t('endpoints')}
                        extra={t('endpointsHelp')}
                        rules={[required]}
                      >
                        <Input.TextArea
                          className="mono"
                          autoSize={{ minRows: 2, maxRows: 8 }}
                          placeholder="db.example.com:5432"
                          data-testid="app-endpoints"
                        />
                      </Form.Item>
                    )}
                    {kind === 'template' && (
                      <Form.Item
                        name="template"
                        rules={[{ required: true, message: t('chooseTemplate') }]}
                        noStyle
                      >
                        <TemplateChoice
                          onName={suggest}
                          onMemory={(memoryMb) => form.setFieldValue('memoryMb', memoryMb)}
                        />
                      </Form.Item>
                    )}
                  </Panel>
                  <Panel title={app('details')}>
                    <div className={`${styles['pair']} ${styles['closing']}`}>
                      <Form.Item
                        name="name"
                        label={t('name')}
                        extra={t('nameHelp')}
                        rules={[required, { pattern: appNamePattern, message: t('nameInvalid') }]}
                      >
                        <Input
                          autoComplete="off"
                          spellCheck={false}
                          data-testid="app-name"
                          onChange={({ target }) => setNamed(target.value !== '')}
                        />
                      </Form.Item>
                      <Form.Item name="groupId" label={t('group')} rules={[required]}>
                        <Select
                          options={groups.map(({ id, name }) => ({ value: id, label: name }))}
                          data-testid="app-group"
                        />
                      </Form.Item>
                    </div>
                    {dataCenters.length > 1 && (
                      <Form.Item name="dataCenter" label={t('dataCenter')} rules={[required]}>
                        <Select
                          options={dataCenters.map(({ name, displayName }) => ({
                            value: name,
                            label: displayName,
                          }))}
                        />
                      </Form.Item>
                    )}
                  </Panel>
                  <Panel title={t('settings')} hint={t('settingsHint')}>
                    {kind !== 'external' && <WorkloadFields />}
                    <div className="row wrap" style={{ gap: 20 }}>
                      <Form.Item name="replicas" label={t('replicas')}>
                        <InputNumber min={1} max={50} data-testid="app-replicas" />
                      </Form.Item>
                      <Form.Item name="memoryMb" label={t('memory')}>
                        <InputNumber min={16} max={262_144} step={64} />
                      </Form.Item>
                      <Form.Item name="cpuMillis" label={t('cpu')}>
                        <InputNumber min={10} max={64_000} step={100} />
                      </Form.Item>
                    </div>
                    <Form.Item
                      name="environment"
                      label={t('environment')}
                      extra={t('environmentHelp')}
                      rules={[
                        {
                          validator: async (_, text: string | undefined) => {
                            const problem = parseEnvFile(text ?? '').problems[0];
                            if (problem)
                              throw new Error(t('line', { line: problem.line, problem: problem.text }));
                          },
                        },
                      ]}
                    >
                      <Input.TextArea
                        className="mono"
                        spellCheck={false}
                        autoSize={{ minRows: 3, maxRows: 14 }}
                        placeholder={'NODE_ENV=production\nDATABASE_URL="postgres://…"'}
                        data-testid="app-env"
                      />
                    </Form.Item>
                    <label className="row" style={{ cursor: 'pointer' }}>
                      <Form.Item name="secretEnvironment" valuePropName="checked" noStyle>
                        <Switch size="small" />
                      </Form.Item>
                      {t('environmentSecret')}
                    </label>
                  </Panel>
                  <ErrorNote error={error} title={t('notCreated')} />
                  <div className="row wrap">
                    <Button
                      type="primary"
                      size="large"
                      htmlType="submit"
                      loading={busy}
                      data-testid="create-submit"
                    >
                      {t('create')}
                    </Button>
                    <Button
                      size="large"
                      type="text"
                      disabled={busy}
                      onClick={() =>
                        void form.validateFields().then(
                          (fields) => run(fields, false),
                          () => undefined,
                        )
                      }
                    >
                      {t('createOnly')}
                    </Button>
                  </div>
                </div>
                <div className="stack">
                  {isExamined && <ExaminePanel kind={kind} />}
                  {kind === 'git' && (
                    <Panel title={t('keyTitle')}>
                      <SshKey teamName={team.name} />
                    </Panel>
                  )}
                  <Panel title={t('steps')}>
                    <ol className="soft stack" style={{ gap: 10 }}>
                      {(['step1', 'step2', 'step3'] as const).map((key, index) => (
                        <li key={key} className="row" style={{ alignItems: 'baseline' }}>
                          <strong style={{ color: 'var(--petrol)' }}>{index + 1}</strong>
                          {t(key)}
                        </li>
                      ))}
                    </ol>
                  </Panel>
                </div>
              </div>
            </Form>
          )
        }
      </Loaded>
    </Page>
  );
}

/** Where the app comes from. */
function KindPicker({
  kind,
  onKind,
}: {
  readonly kind: Kind;
  readonly onKind: (kind: Kind) => void;
}): ReactNode {
  const t = useText(wizardText);
  return (
    <div className={styles['kinds']} role="radiogroup" aria-label={t('source')}>
      {kinds.map((one) => (
        <button
          key={one}
          type="button"
          role="radio"
          aria-checked={one === kind}
          className={styles['choice']}
          data-testid={`source-${one}`}
          onClick={() => onKind(one)}
        >
          <strong>{t(one)}</strong>
          <span className="faint small">{t(`${one}Short`)}</span>
        </button>
      ))}
    </div>
  );
}

/** What kind of app it is; a scheduled one needs its times. */
function WorkloadFields(): ReactNode {
  const t = useText(wizardText);
  const workload = Form.useWatch<Workload | undefined>('workload');
  return (
    <div className="row wrap" style={{ gap: 20, alignItems: 'flex-start' }}>
      <Form.Item name="workload" label={t('workload')} extra={t(`${workload ?? 'STATELESS'}Help`)}>
        <Select
          style={{ width: 260 }}
          data-testid="app-workload"
          options={(['STATELESS', 'STATEFUL', 'JOB', 'CRON_JOB'] as const).map((value) => ({
            value,
            label: t(value),
          }))}
        />
      </Form.Item>
      {workload === 'CRON_JOB' && (
        <Form.Item
          name="schedule"
          label={t('schedule')}
          extra={t('scheduleHelp')}
          rules={[{ required: true, message: t('required') }]}
        >
          <Input className="mono" placeholder="*/15 * * * *" data-testid="app-schedule" />
        </Form.Item>
      )}
    </div>
  );
}

interface TemplateChoiceProps {
  readonly value?: string;
  readonly onChange?: (name: string) => void;
  readonly onName: (name: string) => void;
  readonly onMemory: (memoryMb: number) => void;
}

function TemplateChoice({ value, onChange, onName, onMemory }: TemplateChoiceProps): ReactNode {
  const t = useText(wizardText);
  const templates = useQuery(TemplatesDocument, {});
  return (
    <Loaded state={templates}>
      {(data) =>
        data.templates.length === 0 ? (
          <Empty title={t('noTemplates')} />
        ) : (
          <div className={styles['choices']} role="radiogroup" aria-label={t('chooseTemplate')}>
            {data.templates.map(({ name, title, description, language, memoryMb }) => (
              <button
                key={name}
                type="button"
                role="radio"
                aria-checked={value === name}
                className={styles['choice']}
                data-testid={`template-${name}`}
                onClick={() => {
                  onChange?.(name);
                  onName(name);
                  onMemory(memoryMb);
                }}
              >
                <strong>{title}</strong>
                <span className="soft small">{description}</span>
                <span className="faint small">
                  {language} · {memory(memoryMb)}
                </span>
              </button>
            ))}
          </div>
        )
      }
    </Loaded>
  );
}
