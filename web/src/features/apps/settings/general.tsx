import { Form, Input, Select } from 'antd';
import type { AppFieldsFragment } from '@skyarc/sdk';
import type { ReactNode } from 'react';
import { useText } from '../../../components/use-text.ts';
import { useTeam } from '../../teams/index.ts';
import styles from '../components/apps.module.css';
import { settingsText } from '../settings-text.ts';
import { Section } from './section.tsx';

/** Its name for people, and its group. */
export function General({ app }: { readonly app: AppFieldsFragment }): ReactNode {
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
