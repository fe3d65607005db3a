'use client';

import type { LogOutputFieldsFragment, LogOutputInput } from '@skyarc/sdk';
import { Button, Input } from 'antd';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { api, useAction } from '../../../components/api.ts';
import { ErrorNote } from '../../../components/note.tsx';
import { RecordForm } from '../../../components/record-form/index.ts';
import type { FormRecord } from '../../../components/record-form/index.ts';
import { useText } from '../../../components/use-text.ts';
import { useTeam } from '../../teams/index.ts';
import { logOutputText } from '../text.ts';

interface LogOutputFormProps {
  /** Undefined makes a new one. */
  readonly output: LogOutputFieldsFragment | undefined;
  readonly onSaved: () => void;
}

const fresh: FormRecord = { name: '', kind: 'SYSLOG', port: 514, transport: 'TCP', enabled: true };
const kinds = [
  { value: 'SYSLOG', label: 'Syslog (RFC 5424)' },
  { value: 'LOKI', label: 'Loki' },
  { value: 'ELASTICSEARCH', label: 'Elasticsearch' },
];
const transports = ['TCP', 'TLS', 'UDP'].map((value) => ({ value, label: value }));

/** The settings of one output. */
export function LogOutputForm({ output, onSaved }: LogOutputFormProps): ReactNode {
  const t = useText(logOutputText);
  const { team } = useTeam();
  const [value, setValue] = useState<FormRecord>(output ? recordOf(output) : fresh);
  const [secret, setSecret] = useState('');
  const save = useAction(async () => {
    const given = Object.fromEntries(Object.entries(value).filter(([, one]) => one !== null && one !== ''));
    await api().logs.saveOutput({
      ...given,
      teamId: team.id,
      ...(output && { id: output.id }),
      ...(secret && { secret }),
    } as LogOutputInput);
    onSaved();
  });
  const kind = value['kind'];
  return (
    <div className="stack">
      <RecordForm
        path="log-output"
        value={value}
        disabled={save.busy}
        onChange={setValue}
        fields={[
          { kind: 'text', key: 'name', label: t('name') },
          { kind: 'choice', key: 'kind', label: t('kind'), options: kinds },
          ...(kind === 'SYSLOG'
            ? ([
                { kind: 'text', key: 'host', label: t('host'), mono: true },
                { kind: 'number', key: 'port', label: t('port') },
                { kind: 'choice', key: 'transport', label: t('transport'), options: transports },
              ] as const)
            : ([
                { kind: 'text', key: 'url', label: t('url'), help: t('urlHelp'), mono: true },
                { kind: 'text', key: 'username', label: t('username'), help: t('usernameHelp') },
              ] as const)),
          ...(kind === 'ELASTICSEARCH'
            ? ([
                { kind: 'text', key: 'index', label: t('index'), placeholder: 'skyarc-logs', mono: true },
              ] as const)
            : []),
          { kind: 'switch', key: 'enabled', label: t('enabled') },
        ]}
      />
      {kind !== 'SYSLOG' && (
        <label>
          <span className="soft small" style={{ display: 'block', marginBottom: 6 }}>
            {t(output?.hasSecret ? 'secretKept' : 'secret')}
          </span>
          <Input.Password
            autoComplete="new-password"
            value={secret}
            data-testid="log-output.secret"
            onChange={({ target }) => setSecret(target.value)}
          />
        </label>
      )}
      <ErrorNote error={save.error} title={t('notSaved')} />
      <Button
        type="primary"
        loading={save.busy}
        disabled={!value['name']}
        data-testid="log-output-save"
        onClick={() => void save.run()}
      >
        {t('save')}
      </Button>
    </div>
  );
}

function recordOf({
  name,
  kind,
  host,
  port,
  transport,
  url,
  username,
  index,
  enabled,
}: LogOutputFieldsFragment): FormRecord {
  return {
    name,
    kind,
    host: host ?? null,
    port: port ?? null,
    transport: transport ?? null,
    url: url ?? null,
    username: username ?? null,
    index: index ?? null,
    enabled,
  };
}
