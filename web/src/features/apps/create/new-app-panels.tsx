import { Form, Input, InputNumber, Select, Switch } from 'antd';
import type { ReactNode } from 'react';
import { Panel } from '../../../components/panel.tsx';
import { useText } from '../../../components/use-text.ts';
import styles from '../components/apps.module.css';
import { GitFields } from './source-fields.tsx';
import { ImageFields, SvnFields, UploadFields } from './source-kinds.tsx';
import { parseEnvFile } from '../env-file.ts';
import { appNamePattern, nameFromUrl } from '../names.ts';
import { nameFromFile, type SourceChoice } from '../source-input.ts';
import { appText } from '../text.ts';
import { wizardText } from '../wizard-text.ts';
import { TemplateChoice } from './template-choice.tsx';
import { WorkloadFields } from './workload-fields.tsx';

interface SourceProps {
  readonly kind: SourceChoice;
  /** A name that the source suggests. */
  readonly onName: (name: string) => void;
  /** What a template needs, in MiB. */
  readonly onMemory: (memoryMb: number) => void;
}

/** Where it comes from. */
export function SourcePanel({ kind, onName, onMemory }: SourceProps): ReactNode {
  const t = useText(wizardText);
  return (
    <Panel title={t('source')}>
      {kind === 'git' && <GitFields onUrl={(url) => onName(nameFromUrl(url))} />}
      {kind === 'svn' && <SvnFields onUrl={(url) => onName(nameFromUrl(url))} />}
      {kind === 'upload' && <UploadFields onFile={(name) => onName(nameFromFile(name))} />}
      {kind === 'image' && <ImageFields onImage={(image) => onName(nameFromFile(image))} />}
      {kind === 'external' && (
        <Form.Item
          name="endpoints"
          label={t('endpoints')}
          extra={t('endpointsHelp')}
          rules={[{ required: true, message: t('required') }]}
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
        <Form.Item name="template" rules={[{ required: true, message: t('chooseTemplate') }]} noStyle>
          <TemplateChoice onName={onName} onMemory={onMemory} />
        </Form.Item>
      )}
    </Panel>
  );
}

/** Groups and data centres that an app may be in. */
export interface PlaceProps {
  readonly groups: readonly { readonly id: string; readonly name: string }[];
  readonly dataCenters: readonly { readonly name: string; readonly displayName: string }[];
}

/** What it is called and where it goes. */
export function DetailsPanel({
  groups,
  dataCenters,
  onNamed,
}: PlaceProps & {
  /** Whether a person has written a name. */
  readonly onNamed: (named: boolean) => void;
}): ReactNode {
  const t = useText(wizardText);
  const app = useText(appText);
  const required = { required: true, message: t('required') };
  return (
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
            onChange={({ target }) => onNamed(target.value !== '')}
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
            options={dataCenters.map(({ name, displayName }) => ({ value: name, label: displayName }))}
          />
        </Form.Item>
      )}
    </Panel>
  );
}

/** How it runs at first. */
export function SettingsPanel(): ReactNode {
  const t = useText(wizardText);
  const checkEnvironment = async (_: unknown, text: string | undefined): Promise<void> => {
    const problem = parseEnvFile(text ?? '').problems[0];
    if (problem) throw new Error(t('line', { line: problem.line, problem: problem.text }));
  };
  return (
    <Panel title={t('settings')} hint={t('settingsHint')}>
      <WorkloadFields />
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
        rules={[{ validator: checkEnvironment }]}
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
  );
}
