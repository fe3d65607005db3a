'use client';

import { Button } from 'antd';
import type { MetricsEndpointFieldsFragment } from '@skyarc/sdk';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { api, useAction } from '../../../components/api.ts';
import { ErrorNote } from '../../../components/note.tsx';
import { RecordForm } from '../../../components/record-form/index.ts';
import type { FormRecord } from '../../../components/record-form/index.ts';
import { useText } from '../../../components/use-text.ts';
import { monitorText } from '../text.ts';

export interface EndpointFormProps {
  readonly appId: string;
  /** Null makes a new one. */
  readonly endpoint: MetricsEndpointFieldsFragment | null;
  readonly onDone: () => void;
}

interface Place {
  readonly port: number | null;
  readonly path: string | null;
  readonly intervalSec: number | null;
}

/** Port and path of an app's own metrics, and how often they are read. */
export function EndpointForm({ appId, endpoint, onDone }: EndpointFormProps): ReactNode {
  const t = useText(monitorText);
  const [value, setValue] = useState<FormRecord>(() => ({
    port: endpoint?.port ?? null,
    path: endpoint?.path ?? '/metrics',
    intervalSec: endpoint?.intervalSec ?? null,
  }));
  const { port, path, intervalSec } = value as unknown as Place;
  const save = useAction(async () => {
    await api().monitor.setEndpoint(appId, port ?? 0, path, intervalSec);
    onDone();
  });
  return (
    <div className="stack">
      <RecordForm
        path="endpoint"
        value={value}
        disabled={save.busy}
        onChange={setValue}
        fields={[
          // What it is known by.
          { kind: 'number', key: 'port', label: t('port'), min: 1, max: 65_535, when: () => !endpoint },
          { kind: 'text', key: 'path', label: t('path'), mono: true, placeholder: '/metrics' },
          {
            kind: 'number',
            key: 'intervalSec',
            label: t('interval'),
            unit: t('seconds'),
            min: 5,
            max: 120,
            placeholder: t('usual'),
          },
        ]}
      />
      <ErrorNote error={save.error} title={t('notDone')} />
      <Button
        type="primary"
        loading={save.busy}
        disabled={!port || !path}
        data-testid="endpoint-save"
        onClick={() => void save.run()}
      >
        {t('save')}
      </Button>
    </div>
  );
}
