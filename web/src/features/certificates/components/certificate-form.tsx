'use client';

import { Button } from 'antd';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { api, useAction } from '../../../components/api.ts';
import { ErrorNote } from '../../../components/note.tsx';
import { RecordForm } from '../../../components/record-form/index.ts';
import type { Field, FormRecord } from '../../../components/record-form/index.ts';
import { useText } from '../../../components/use-text.ts';
import { useTeam } from '../../teams/index.ts';
import { certificateText } from '../text.ts';

interface Values {
  readonly name: string;
  readonly hosts: readonly string[];
  readonly chain: string;
  readonly privateKey: string;
}

/** A certificate to upload, or the domains that one is to be made for. */
export function CertificateForm({
  kind,
  onDone,
}: {
  readonly kind: 'upload' | 'order';
  readonly onDone: () => void;
}): ReactNode {
  const t = useText(certificateText);
  const { team } = useTeam();
  const [values, setValues] = useState<Values>({ name: '', hosts: [], chain: '', privateKey: '' });
  const { run, busy, error } = useAction(async ({ name, hosts, chain, privateKey }: Values) => {
    if (kind === 'order') await api().certificates.order({ teamId: team.id, name, hosts: [...hosts] });
    else await api().certificates.upload({ teamId: team.id, name, chain, privateKey });
    onDone();
  });
  const fields: Field[] = [
    { kind: 'text', key: 'name', label: t('name'), placeholder: 'shop' },
    ...(kind === 'order'
      ? [
          {
            kind: 'words',
            key: 'hosts',
            label: t('hosts'),
            help: t('hostsHelp'),
            placeholder: 'shop.example.com',
          } as const,
        ]
      : [
          {
            kind: 'area',
            key: 'chain',
            label: t('chain'),
            placeholder: '-----BEGIN CERTIFICATE-----',
          } as const,
          {
            kind: 'area',
            key: 'privateKey',
            label: t('privateKey'),
            help: t('keyHelp'),
            placeholder: '-----BEGIN PRIVATE KEY-----',
          } as const,
        ]),
  ];
  return (
    <div className="stack">
      <RecordForm
        fields={fields}
        value={values as unknown as FormRecord}
        disabled={busy}
        path="certificate"
        onChange={(next) => setValues(next as unknown as Values)}
      />
      <ErrorNote error={error} title={t('notDone')} />
      <Button
        type="primary"
        loading={busy}
        disabled={
          !values.name || (kind === 'order' ? values.hosts.length === 0 : !values.chain || !values.privateKey)
        }
        data-testid="certificate-save"
        onClick={() => void run(values)}
      >
        {t(kind)}
      </Button>
    </div>
  );
}
