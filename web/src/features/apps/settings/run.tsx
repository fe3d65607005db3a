import { Form, Input, InputNumber } from 'antd';
import type { AppFieldsFragment } from '@skyarc/sdk';
import type { ReactNode } from 'react';
import { useText } from '../../../components/use-text.ts';
import styles from '../components/apps.module.css';
import { settingsText } from '../settings-text.ts';
import { Section } from './section.tsx';

interface RunFields {
  readonly healthPath: string;
  readonly startTimeoutSeconds: number;
  readonly command: string;
}

/** How it is started. */
export function Run({ app }: { readonly app: AppFieldsFragment }): ReactNode {
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
