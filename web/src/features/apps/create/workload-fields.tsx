import { Form, Input, Select } from 'antd';
import type { Workload } from '@skyarc/sdk';
import type { ReactNode } from 'react';
import { useText } from '../../../components/use-text.ts';
import { wizardText } from '../wizard-text.ts';

/** What kind of app it is; a scheduled one needs its times. */
export function WorkloadFields(): ReactNode {
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
