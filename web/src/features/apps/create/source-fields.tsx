'use client';

import { Form, Input, Switch } from 'antd';
import { TeamSshPublicKeyDocument } from '@skyarc/sdk';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { useQuery } from '../../../components/api.ts';
import { CopyButton } from '../../../components/copy-button.tsx';
import { useText } from '../../../components/use-text.ts';
import { gitUrlPattern } from '../names.ts';
import { wizardText } from '../wizard-text.ts';
import styles from '../components/apps.module.css';

export interface GitFieldsProps {
  /** Credentials are stored already: an empty password keeps them. */
  readonly stored?: boolean;
  readonly onUrl?: (url: string) => void;
}

/** Fields of a Git source, under the form names `url`, `branch`, `subdirectory`, `username`, `password`. */
export function GitFields({ stored = false, onUrl }: GitFieldsProps): ReactNode {
  const t = useText(wizardText);
  const [secret, setSecret] = useState(stored);
  const required = { required: true, message: t('required') };
  return (
    <>
      <Form.Item
        name="url"
        label={t('gitUrl')}
        extra={t('gitUrlHelp')}
        validateTrigger="onBlur"
        rules={[required, { pattern: gitUrlPattern, message: t('gitUrlInvalid') }]}
      >
        <Input
          className="mono"
          autoComplete="off"
          spellCheck={false}
          placeholder="https://git.example.com/team/app.git"
          data-testid="git-url"
          onChange={({ target }) => onUrl?.(target.value)}
        />
      </Form.Item>
      <div className={styles['pair']}>
        <Form.Item name="branch" label={t('branch')} rules={[required]}>
          <Input className="mono" autoComplete="off" spellCheck={false} data-testid="git-branch" />
        </Form.Item>
        <Form.Item name="subdirectory" label={t('subdirectory')} tooltip={t('subdirectoryHelp')}>
          <Input
            className="mono"
            autoComplete="off"
            spellCheck={false}
            placeholder="/"
            data-testid="git-subdirectory"
          />
        </Form.Item>
      </div>
      <label className="row" style={{ marginBottom: secret ? 14 : 0, cursor: 'pointer' }}>
        <Switch size="small" checked={secret} onChange={setSecret} data-testid="git-private" />
        {t('privateHttps')}
      </label>
      {secret && (
        <div className={styles['pair']}>
          <Form.Item name="username" label={t('username')} extra={t('usernameHelp')}>
            <Input autoComplete="off" data-testid="git-username" />
          </Form.Item>
          <Form.Item name="password" label={t('password')}>
            <Input.Password
              autoComplete="new-password"
              placeholder={stored ? '••••••••' : undefined}
              data-testid="git-password"
            />
          </Form.Item>
        </div>
      )}
    </>
  );
}

/** The team's key, to be allowed at private repositories. */
export function SshKey({
  teamName,
  dataCenter,
}: {
  readonly teamName: string;
  readonly dataCenter?: string;
}): ReactNode {
  const t = useText(wizardText);
  const { data, error } = useQuery(TeamSshPublicKeyDocument, { name: teamName, dataCenter });
  const key = data?.team?.sshPublicKey;
  if (error) return <p className="faint small">{t('keyMissing', { message: error.message })}</p>;
  return (
    <>
      <p className="soft small" style={{ marginBottom: 8 }}>
        {t('keyHelp')}
      </p>
      <div className={styles['key']}>
        <code className="grow" data-testid="ssh-public-key">
          {key ?? '…'}
        </code>
        {key && <CopyButton text={key} />}
      </div>
    </>
  );
}
