import type { AppFieldsFragment, UpdateAppInput } from '@skyarc/sdk';
import type { ReactNode } from 'react';
import { adaptAction } from '../../../components/api.ts';
import { RecordPanel } from '../../../components/record-form/index.ts';
import type { Field } from '../../../components/record-form/index.ts';
import { useText } from '../../../components/use-text.ts';
import { useTeam } from '../../teams/index.ts';
import { useUpdateApp } from '../hooks/use-update-app.ts';
import { settingsText } from '../settings-text.ts';

/** How the source becomes an image. */
export function Build({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const t = useText(settingsText);
  const { mayDevelop } = useTeam();
  const update = useUpdateApp(app.id);
  const text = (key: string, help?: string): Field => ({
    kind: 'text',
    key,
    mono: true,
    label: key === 'command' ? t('buildCommand') : t(key as 'module'),
    ...(help && { help }),
  });
  const words = (key: 'args' | 'env', help: string): Field => ({
    kind: 'rows',
    key,
    label: t(key === 'args' ? 'buildArgs' : 'buildEnv'),
    help,
    add: t('addRow'),
    empty: { name: '', value: '' },
    fields: [
      { kind: 'text', key: 'name', label: t('rowName'), mono: true },
      { kind: 'text', key: 'value', label: t('rowValue'), mono: true },
    ],
  });
  return (
    <RecordPanel<Record<string, unknown>>
      title={t('build')}
      hint={t('buildHint')}
      testId="build"
      editable={mayDevelop}
      value={app.build}
      action={adaptAction(update, (build) => ({ build: buildInputOf(build) }))}
      fields={[
        text('buildpack', t('buildpackHelp')),
        text('module', t('moduleHelp')),
        text('command', t('buildCommandHelp')),
        text('start', t('startHelp')),
        text('dockerfile', t('dockerfileHelp')),
        text('target', t('targetHelp')),
        text('documentRoot', t('documentRootHelp')),
        words('args', t('buildArgsHelp')),
        words('env', t('buildEnvHelp')),
        limit('cpuMillis', t('buildCpu'), 100, 100),
        limit('memoryMb', t('buildMemory'), 128, 256),
        limit('diskMb', t('buildDisk'), 256, 512),
        limit('timeoutSeconds', t('buildTimeout'), 30, 60),
      ]}
    />
  );
}

const limit = (key: string, label: string, min: number, step: number): Field => ({
  kind: 'number',
  key,
  label,
  min,
  step,
});

const buildTexts = ['buildpack', 'module', 'command', 'start', 'dockerfile', 'target', 'documentRoot'];

/** An emptied text takes the setting away. */
function buildInputOf(value: Readonly<Record<string, unknown>>): NonNullable<UpdateAppInput['build']> {
  const texts = Object.fromEntries(buildTexts.map((key) => [key, value[key] ?? '']));
  return { ...(value as UpdateAppInput['build']), ...texts };
}
