'use client';

import { Button } from 'antd';
import type { AlertReceiverFieldsFragment, AlertReceiverInput } from '@skyarc/sdk';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { api, useAction } from '../../../components/api.ts';
import { ErrorNote } from '../../../components/note.tsx';
import { RecordForm } from '../../../components/record-form/index.ts';
import type { Field, FormRecord } from '../../../components/record-form/index.ts';
import { usePreferences } from '../../../components/preferences.tsx';
import { useText } from '../../../components/use-text.ts';
import { monitorText } from '../text.ts';

const kinds = ['MAIL', 'WECHAT_WORK', 'DINGTALK', 'SLACK', 'WEBHOOK'] as const;
const emptyMail = { host: '', port: 587, tls: false, username: null, from: '', to: [] };

const isKind =
  (...wanted: readonly string[]) =>
  ({ kind }: FormRecord) =>
    wanted.some((one) => one === kind);

export interface ReceiverFormProps {
  readonly teamId: string | null;
  /** Null makes a new one. */
  readonly receiver: AlertReceiverFieldsFragment | null;
  readonly onDone: () => void;
}

/** A receiver; what is secret of it can be set, but is never shown. */
export function ReceiverForm({ teamId, receiver, onDone }: ReceiverFormProps): ReactNode {
  const t = useText(monitorText);
  const { language } = usePreferences();
  const [values, setValues] = useState<FormRecord>(() => ({
    id: receiver?.id ?? null,
    name: receiver?.name ?? '',
    kind: receiver?.kind ?? 'MAIL',
    mail: receiver?.mail ?? emptyMail,
    channel: receiver?.channel ?? null,
    url: null,
    password: null,
    signingKey: null,
    language: receiver?.language ?? (language === 'zh' ? 'ZH' : 'EN'),
    minSeverity: receiver?.minSeverity ?? 'WARNING',
    enabled: receiver?.enabled ?? true,
  }));
  const { run, busy, error } = useAction(async () => {
    const { mail, ...rest } = values as unknown as AlertReceiverInput;
    await api().monitor.saveReceiver({ ...rest, teamId, mail: rest.kind === 'MAIL' ? (mail ?? null) : null });
    onDone();
  });
  const fields: Field[] = [
    { kind: 'text', key: 'name', label: t('name') },
    {
      kind: 'choice',
      key: 'kind',
      label: t('kind'),
      options: [...kinds, ...(teamId === null ? (['HEARTBEAT'] as const) : [])].map((value) => ({
        value,
        label: t(value),
      })),
    },
    {
      kind: 'choice',
      key: 'minSeverity',
      label: t('minSeverity'),
      options: (['INFO', 'WARNING', 'CRITICAL'] as const).map((value) => ({ value, label: t(value) })),
    },
    {
      kind: 'choice',
      key: 'language',
      label: t('language'),
      options: (['EN', 'ZH'] as const).map((value) => ({ value, label: t(value) })),
      when: ({ kind }) => kind !== 'HEARTBEAT',
    },
    { kind: 'switch', key: 'enabled', label: t('enabled') },
    {
      kind: 'block',
      key: 'mail',
      label: t('MAIL'),
      when: isKind('MAIL'),
      fields: [
        { kind: 'text', key: 'host', label: t('host'), placeholder: 'smtp.example.com' },
        { kind: 'number', key: 'port', label: t('port'), min: 1, max: 65_535 },
        { kind: 'text', key: 'from', label: t('from'), placeholder: 'skyarc@example.com' },
        { kind: 'words', key: 'to', label: t('to'), placeholder: 'ops@example.com' },
        { kind: 'text', key: 'username', label: t('username') },
        { kind: 'switch', key: 'tls', label: t('tls') },
      ],
    },
    { kind: 'secret', key: 'password', label: t('password'), help: t('secretHelp'), when: isKind('MAIL') },
    {
      kind: 'text',
      key: 'url',
      label: t('url'),
      help: t('secretHelp'),
      placeholder: 'https://',
      when: isKind('WECHAT_WORK', 'DINGTALK', 'SLACK', 'WEBHOOK', 'HEARTBEAT'),
    },
    { kind: 'text', key: 'channel', label: t('channel'), placeholder: '#ops', when: isKind('SLACK') },
    {
      kind: 'secret',
      key: 'signingKey',
      label: t('signingKey'),
      help: t('secretHelp'),
      when: isKind('DINGTALK', 'WEBHOOK'),
    },
  ];
  return (
    <div className="stack">
      <RecordForm path="receiver" value={values} disabled={busy} fields={fields} onChange={setValues} />
      <ErrorNote error={error} title={t('notDone')} />
      <Button type="primary" loading={busy} data-testid="receiver-save" onClick={() => void run()}>
        {t('save')}
      </Button>
    </div>
  );
}
