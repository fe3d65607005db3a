import { Form } from 'antd';
import type { AppFieldsFragment, UpdateAppInput } from '@skyarc/sdk';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { Panel } from '../../../components/panel.tsx';
import { SaveBar } from '../../../components/save-bar.tsx';
import { useTeam } from '../../teams/index.ts';
import { useUpdateApp } from '../hooks/use-update-app.ts';

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
export function Section<Fields extends object>({
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
