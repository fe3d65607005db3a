import { Button, Form } from 'antd';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { api, useAction } from '../../../components/api.ts';
import { ErrorNote } from '../../../components/note.tsx';
import { Panel } from '../../../components/panel.tsx';
import { useText } from '../../../components/use-text.ts';
import { useOperations } from '../../operations/index.ts';
import { useTeam } from '../../teams/index.ts';
import styles from '../components/apps.module.css';
import { ExaminePanel } from './examine-panel.tsx';
import { SshKey } from './source-fields.tsx';
import type { SourceChoice } from '../source-input.ts';
import { wizardText } from '../wizard-text.ts';
import { type NewAppFields, newAppInputOf } from './new-app-input.ts';
import { DetailsPanel, type PlaceProps, SettingsPanel, SourcePanel } from './new-app-panels.tsx';

/** What follows, by where an app comes from. */
const stepsOf = {
  git: ['step1', 'step2', 'step3'],
  svn: ['step1', 'step2', 'step3'],
  upload: ['step1', 'step2', 'step3'],
  template: ['step1', 'step2', 'step3'],
  image: ['stepImage', 'step3'],
  external: ['stepExternal'],
} as const satisfies Readonly<Record<SourceChoice, readonly string[]>>;

const examined: readonly SourceChoice[] = ['git', 'svn', 'upload', 'image'];

/** One app: its source, its name and place, its first settings; beside it what the source was found to be. */
export function NewAppForm({
  kind,
  ...place
}: PlaceProps & { readonly kind: SourceChoice; readonly groupId: string | undefined }): ReactNode {
  const t = useText(wizardText);
  const router = useRouter();
  const { team } = useTeam();
  const { add } = useOperations();
  const [form] = Form.useForm<NewAppFields>();
  const [named, setNamed] = useState(false);
  const { run, busy, error } = useAction(async (fields: NewAppFields, deploy: boolean) => {
    const made = await api().apps.create(newAppInputOf(kind, fields, deploy));
    if (made.operation) add(made.operation);
    const build = made.operation?.build;
    router.push(`/app?id=${made.app.id}${build ? `&tab=builds&build=${build.id}` : ''}`);
  });
  const suggest = (name: string): void => {
    if (!named) form.setFieldValue('name', name);
  };
  return (
    <Form
      form={form}
      layout="vertical"
      requiredMark={false}
      scrollToFirstError
      initialValues={{
        branch: 'main',
        workload: 'STATELESS',
        groupId: place.groupId,
        replicas: 1,
        memoryMb: 512,
        cpuMillis: 500,
        dataCenter: place.dataCenters[0]?.name,
      }}
      onFinish={(fields: NewAppFields) => void run(fields, true)}
    >
      <div className={styles['wizard']}>
        <div className="stack">
          <SourcePanel
            kind={kind}
            onName={suggest}
            onMemory={(memoryMb) => form.setFieldValue('memoryMb', memoryMb)}
          />
          <DetailsPanel {...place} onNamed={setNamed} />
          {kind !== 'external' && <SettingsPanel />}
          <ErrorNote error={error} title={t('notCreated')} />
          <div className="row wrap">
            <Button type="primary" size="large" htmlType="submit" loading={busy} data-testid="create-submit">
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
          {examined.includes(kind) && <ExaminePanel kind={kind} />}
          {kind === 'git' && (
            <Panel title={t('keyTitle')}>
              <SshKey teamName={team.name} />
            </Panel>
          )}
          <Panel title={t('steps')}>
            <ol className="soft stack" style={{ gap: 10 }}>
              {stepsOf[kind].map((key, index) => (
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
  );
}
