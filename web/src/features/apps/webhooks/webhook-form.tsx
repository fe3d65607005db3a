'use client';

import { Button } from 'antd';
import type { AppFieldsFragment, SaveWebhookMutation, WebhookInput } from '@skyarc/sdk';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { api, useAction } from '../../../components/api.ts';
import { ErrorNote } from '../../../components/note.tsx';
import { RecordForm } from '../../../components/record-form/index.ts';
import type { Field, FormRecord } from '../../../components/record-form/index.ts';
import { useText } from '../../../components/use-text.ts';
import { webhookText } from './text.ts';
import type { Webhook } from './webhooks-tab.tsx';

const kinds = ['GITHUB', 'GITLAB', 'GITEE', 'GITEA', 'GENERIC', 'IMAGE'] as const;

/** The sender that an address most likely belongs to. */
function kindOf({ source }: AppFieldsFragment): (typeof kinds)[number] {
  if (source.kind === 'IMAGE') return 'IMAGE';
  const url = source.url ?? '';
  if (url.includes('github')) return 'GITHUB';
  if (url.includes('gitlab')) return 'GITLAB';
  if (url.includes('gitee')) return 'GITEE';
  return source.kind === 'GIT' ? 'GITEA' : 'GENERIC';
}

const isPush = (record: FormRecord): boolean => record['kind'] !== 'IMAGE';

/** A new webhook, or the settings of one. */
export function WebhookForm({
  app,
  webhook,
  onSaved,
}: {
  readonly app: AppFieldsFragment;
  readonly webhook: Webhook | undefined;
  readonly onSaved: (saved: SaveWebhookMutation['saveWebhook']) => void;
}): ReactNode {
  const t = useText(webhookText);
  const [value, setValue] = useState<FormRecord>({
    name: webhook?.name ?? 'push',
    kind: webhook?.kind ?? kindOf(app),
    enabled: webhook?.enabled ?? true,
    branches: webhook?.branches ?? [],
    paths: webhook?.paths ?? [],
    skipMarkers: webhook?.skipMarkers ?? true,
  });
  const save = useAction(async () =>
    onSaved(
      await api().webhooks.save({
        ...(value as unknown as WebhookInput),
        appId: app.id,
        ...(webhook && { id: webhook.id }),
      }),
    ),
  );
  const fields: Field[] = [
    { kind: 'text', key: 'name', label: t('name') },
    {
      kind: 'choice',
      key: 'kind',
      label: t('kind'),
      options: kinds.map((kind) => ({ value: kind, label: t(kind) })),
    },
    { kind: 'words', key: 'branches', label: t('branches'), help: t('branchesHelp'), when: isPush },
    { kind: 'words', key: 'paths', label: t('paths'), help: t('pathsHelp'), when: isPush },
    { kind: 'switch', key: 'skipMarkers', label: t('skipMarkers'), when: isPush },
    { kind: 'switch', key: 'enabled', label: t('enabled') },
  ];
  return (
    <div className="stack">
      <RecordForm fields={fields} value={value} disabled={save.busy} path="webhook" onChange={setValue} />
      <ErrorNote error={save.error} title={t('notSaved')} />
      <Button
        type="primary"
        loading={save.busy}
        disabled={!value['name']}
        data-testid="webhook-save"
        onClick={() => void save.run()}
      >
        {t('save')}
      </Button>
    </div>
  );
}
