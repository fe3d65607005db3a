'use client';

import type { PluginFieldsFragment, PluginInput } from '@skyarc/sdk';
import { Button } from 'antd';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { api, useAction } from '../../../components/api.ts';
import { ErrorNote } from '../../../components/note.tsx';
import { optionsOf, RecordForm } from '../../../components/record-form/index.ts';
import type { Field, Option } from '../../../components/record-form/index.ts';
import { useText } from '../../../components/use-text.ts';
import { useTeamOverview } from '../../apps/index.ts';
import { useTeam } from '../../teams/index.ts';
import { pluginText } from '../text.ts';

type Plugin = PluginFieldsFragment;

/** The image is either told by its reference or is the current version of an app. */
interface Draft extends Omit<PluginInput, 'image'> {
  readonly from: 'IMAGE' | 'APP';
  readonly image: string | null;
  readonly appId: string | null;
}

const appImage = 'app:';

/** Whether an image is the current version of an app rather than a reference. */
export function isAppImage(image: string): boolean {
  return image.startsWith(appImage);
}

/** A new plug-in, or the next version of one. */
export function PluginForm({
  plugin,
  onDone,
}: {
  readonly plugin: Plugin | null;
  readonly onDone: () => void;
}): ReactNode {
  const t = useText(pluginText);
  const { team } = useTeam();
  const apps = useTeamOverview().data?.team?.apps ?? [];
  const [draft, setDraft] = useState<Draft>(() => draftOf(team.id, plugin));
  const { run, busy, error } = useAction(async () => {
    await api().plugins.save(inputOf(draft));
    onDone();
  });
  const options = apps.map(({ id, name }) => ({ value: id, label: name }));
  return (
    <div className="stack">
      <RecordForm
        fields={fieldsOf(t, plugin === null, options)}
        value={{ ...draft }}
        disabled={busy}
        path="plugin"
        onChange={(next) => setDraft(next as unknown as Draft)}
      />
      <ErrorNote error={error} title={t('notDone')} />
      <Button
        type="primary"
        loading={busy}
        disabled={!draft.name || !(draft.from === 'APP' ? draft.appId : draft.image)}
        data-testid="plugin-save"
        onClick={() => void run()}
      >
        {t('save')}
      </Button>
    </div>
  );
}

function draftOf(teamId: string, plugin: Plugin | null): Draft {
  if (!plugin) {
    return {
      teamId,
      name: '',
      kind: 'SIDE_CAR',
      description: '',
      from: 'IMAGE',
      image: null,
      appId: null,
      fields: [],
      cpuMillis: 100,
      memoryMb: 64,
    };
  }
  const { id, name, kind, description, versions, dataCenter } = plugin;
  const {
    image = '',
    app = null,
    command = null,
    fields = [],
    cpuMillis = 100,
    memoryMb = 64,
  } = versions[0] ?? {};
  return {
    id,
    teamId,
    dataCenter: dataCenter.name,
    name,
    kind,
    description,
    from: isAppImage(image) ? 'APP' : 'IMAGE',
    image: isAppImage(image) ? null : image,
    appId: app?.id ?? null,
    command: command && [...command],
    fields: [...fields],
    cpuMillis,
    memoryMb,
  };
}

function inputOf({ from, image, appId, ...rest }: Draft): PluginInput {
  return { ...rest, image: from === 'APP' ? `${appImage}${appId}` : (image ?? '') };
}

function fieldsOf(
  t: ReturnType<typeof useText<(typeof pluginText)['en']>>,
  isNew: boolean,
  apps: readonly Option[],
): Field[] {
  const kind: Field = {
    kind: 'choice',
    key: 'kind',
    label: t('kind'),
    options: optionsOf(['SIDE_CAR', 'INIT'], (value) => t(value)),
  };
  return [
    ...(isNew ? [{ kind: 'text', key: 'name', label: t('name'), mono: true } as const, kind] : []),
    { kind: 'text', key: 'description', label: t('description') },
    {
      kind: 'choice',
      key: 'from',
      label: t('from'),
      options: optionsOf(['IMAGE', 'APP'], (value) => t(`from${value}`)),
    },
    {
      kind: 'text',
      key: 'image',
      label: t('image'),
      help: t('imageHelp'),
      mono: true,
      when: ({ from }) => from === 'IMAGE',
    },
    {
      kind: 'choice',
      key: 'appId',
      label: t('app'),
      help: t('appHelp'),
      options: apps,
      when: ({ from }) => from === 'APP',
    },
    { kind: 'number', key: 'cpuMillis', label: t('cpu'), unit: t('millis'), min: 10, step: 50 },
    { kind: 'number', key: 'memoryMb', label: t('memory'), unit: t('mb'), min: 16, step: 16 },
    { kind: 'lines', key: 'command', label: t('command'), help: t('commandHelp') },
    {
      kind: 'rows',
      key: 'fields',
      label: t('fields'),
      add: t('addField'),
      empty: { name: '', description: '', defaultValue: '', secret: false },
      fields: [
        { kind: 'text', key: 'name', label: t('fieldName'), mono: true },
        { kind: 'text', key: 'description', label: t('description') },
        { kind: 'text', key: 'defaultValue', label: t('defaultValue'), mono: true },
        { kind: 'switch', key: 'secret', label: t('secret') },
      ],
    },
  ];
}
