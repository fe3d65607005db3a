'use client';

import { AppSettingsDocument, TeamPluginsDocument } from '@skyarc/sdk';
import type {
  AppFieldsFragment,
  AppPluginInput,
  AppSettingsFieldsFragment,
  PluginFieldsFragment,
} from '@skyarc/sdk';
import { Button } from 'antd';
import Link from 'next/link';
import type { ReactNode } from 'react';
import { adaptAction, useQuery } from '../../../components/api.ts';
import type { Field, FormRecord } from '../../../components/record-form/index.ts';
import { Empty, Loaded } from '../../../components/states.tsx';
import { RecordPanel } from '../../../components/record-form/index.ts';
import { useText } from '../../../components/use-text.ts';
import { useTeam } from '../../teams/index.ts';
import { useUpdateApp } from '../hooks/use-update-app.ts';
import { partsText } from '../parts-text.ts';

type Plugin = PluginFieldsFragment;
type Used = AppSettingsFieldsFragment['plugins'][number];

/** Which of the team's plug-ins run with the app, and how they are configured. */
export function PluginsTab({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const t = useText(partsText);
  const { team } = useTeam();
  const known = useQuery(TeamPluginsDocument, { name: team.name });
  const state = useQuery(AppSettingsDocument, { id: app.id });
  const plugins = known.data?.team?.plugins;
  const manage = (
    <Link href="/plugins" tabIndex={-1}>
      <Button>{t('managePlugins')}</Button>
    </Link>
  );
  return (
    <Loaded state={state} rows={6}>
      {(data) =>
        plugins?.length === 0 ? (
          <Empty title={t('noPlugins')} help={t('pluginsHint')} action={manage} />
        ) : (
          <PluginForm
            app={app}
            plugins={plugins ?? []}
            used={data.app?.plugins ?? []}
            reload={state.reload}
          />
        )
      }
    </Loaded>
  );
}

interface PluginFormProps {
  readonly app: AppFieldsFragment;
  readonly plugins: readonly Plugin[];
  readonly used: readonly Used[];
  readonly reload: () => Promise<void>;
}

/** A plug-in's part of the form: its settings by name, null while the app does not use it. */
function PluginForm({ app, plugins, used, reload }: PluginFormProps): ReactNode {
  const t = useText(partsText);
  const { mayDevelop } = useTeam();
  const update = useUpdateApp(app.id);
  const value = Object.fromEntries(
    plugins.map(({ id }) => [id, partOf(used.find(({ plugin }) => plugin.id === id))]),
  );
  return (
    <RecordPanel<FormRecord>
      title={t('plugins')}
      hint={t('pluginsHint')}
      fields={plugins.map((plugin) => pluginField(t, plugin))}
      value={value}
      action={adaptAction(
        update,
        (edited: FormRecord) => ({
          plugins: plugins.flatMap((plugin) => {
            const part = edited[plugin.id] as FormRecord | null;
            return part ? [inputOf(plugin, part)] : [];
          }),
        }),
        reload,
      )}
      testId="plugins"
      editable={mayDevelop}
    />
  );
}

function partOf(used: Used | undefined): FormRecord | null {
  if (!used) return null;
  const { version, enabled, cpuMillis, memoryMb, config } = used;
  return {
    version,
    enabled,
    cpuMillis,
    memoryMb,
    config: Object.fromEntries(config.map(({ name, value }) => [name, value])),
  };
}

function inputOf({ id, versions }: Plugin, part: FormRecord): AppPluginInput {
  const { version, enabled, cpuMillis, memoryMb } = part as unknown as Omit<AppPluginInput, 'pluginId'>;
  const given = (part['config'] ?? {}) as Readonly<Record<string, string | null>>;
  const fields = versions.find(({ number }) => number === version)?.fields ?? versions[0]?.fields ?? [];
  return {
    pluginId: id,
    version,
    enabled,
    cpuMillis,
    memoryMb,
    config: fields.map(({ name, secret, defaultValue }) => ({
      name,
      secret,
      value: given[name] ?? (secret ? null : defaultValue),
    })),
  };
}

function pluginField(t: ReturnType<typeof useText<(typeof partsText)['en']>>, plugin: Plugin): Field {
  const { id, name, kind, description, versions } = plugin;
  const newest = versions[0];
  return {
    kind: 'part',
    key: id,
    label: name,
    help: [description, t(kind)].filter(Boolean).join(' · '),
    empty: { version: newest?.number ?? null, enabled: true, cpuMillis: null, memoryMb: null, config: {} },
    fields: [
      {
        kind: 'number',
        key: 'version',
        label: t('version'),
        min: 1,
        max: newest?.number ?? 1,
        placeholder: t('newest'),
      },
      { kind: 'number', key: 'cpuMillis', label: t('cpu'), unit: t('millis'), step: 50 },
      { kind: 'number', key: 'memoryMb', label: t('memory'), unit: t('mb'), step: 16 },
      {
        kind: 'block',
        key: 'config',
        label: '',
        fields: (newest?.fields ?? []).map((field) => ({
          key: field.name,
          label: field.name,
          help: field.description,
          ...(field.secret
            ? { kind: 'secret', placeholder: `•••• ${t('secretStored')}` }
            : { kind: 'text', placeholder: field.defaultValue, mono: true }),
        })),
      },
    ],
  };
}
