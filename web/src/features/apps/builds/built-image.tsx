'use client';

import { Button } from 'antd';
import type { AppFieldsFragment, BuildStoryFieldsFragment } from '@skyarc/sdk';
import type { ReactNode } from 'react';
import { api, useAction } from '../../../components/api.ts';
import { DataList } from '../../../components/data-list.tsx';
import { bytes } from '../../../components/format.ts';
import { ErrorNote } from '../../../components/note.tsx';
import { Panel } from '../../../components/panel.tsx';
import { useText } from '../../../components/use-text.ts';
import { useOperations } from '../../operations/index.ts';
import { useTeam } from '../../teams/index.ts';
import styles from './builds.module.css';
import { buildText } from './text.ts';

type Build = BuildStoryFieldsFragment;
type Layer = Build['layers'][number];

export interface BuiltImageProps {
  readonly app: AppFieldsFragment;
  readonly build: Build;
}

/** What a build made: the image in layers, where each comes from, and how it compares with the version before. */
export function BuiltImage({ app, build }: BuiltImageProps): ReactNode {
  const t = useText(buildText);
  const { layers, version, sentBytes } = build;
  if (!version) return null;
  const total = layers.reduce((sum, { sizeBytes }) => sum + Number(sizeBytes), 0);
  return (
    <Panel
      title={t('image')}
      hint={layers.length > 0 && bytes(total)}
      actions={<ImageActions app={app} build={build} />}
      testId="build-image"
    >
      <div className="stack">
        <div className="row wrap" style={{ gap: '4px 18px' }}>
          <code className="truncate">{version.image}</code>
          <Comparison build={build} />
          {sentBytes !== null && (
            <span className="faint">
              {sentBytes === '0' ? t('sentNothing') : t('sent', { bytes: bytes(Number(sentBytes)) })}
            </span>
          )}
        </div>
        {layers.length > 0 && <Layers layers={layers} total={total} />}
      </div>
    </Panel>
  );
}

function Comparison({ build: { version, previousVersion } }: { readonly build: Build }): ReactNode {
  const t = useText(buildText);
  if (!version || !previousVersion) return null;
  const { number } = previousVersion;
  if (version.image === previousVersion.image)
    return <span className="faint">{t('imageSame', { number })}</span>;
  const change = Number(version.sizeBytes) - Number(previousVersion.sizeBytes);
  const text = `${change < 0 ? '−' : '+'}${bytes(Math.abs(change))}`;
  return <span className="faint">{t('imageChange', { change: text, number })}</span>;
}

function Layers({ layers, total }: { readonly layers: readonly Layer[]; readonly total: number }): ReactNode {
  const t = useText(buildText);
  return (
    <>
      <div className={styles['bar']} role="img" aria-label={t('share')}>
        {layers.map(({ digest, kind, name, sizeBytes }) => (
          <div
            key={digest}
            className={`${styles['part']} ${styles[kind]}`}
            style={{ width: `${(100 * Number(sizeBytes)) / total}%` }}
            title={`${t(kind)}: ${name}`}
          />
        ))}
      </div>
      <DataList
        label={t('image')}
        items={layers}
        keyOf={({ digest }) => digest}
        columns={[
          {
            key: 'kind',
            title: t('layer'),
            width: 130,
            render: ({ kind }) => (
              <span>
                <span className={`${styles['dot']} ${styles['part']} ${styles[kind]}`} aria-hidden />
                {t(kind)}
              </span>
            ),
          },
          { key: 'name', title: '', render: ({ name }) => <code className="soft">{name}</code> },
          {
            key: 'origin',
            title: t('origin'),
            width: 170,
            render: ({ isFromCache }) => (
              <span className={isFromCache ? 'faint' : ''}>{t(isFromCache ? 'fromCache' : 'made')}</span>
            ),
          },
          {
            key: 'size',
            title: t('size'),
            align: 'right',
            width: 96,
            render: ({ sizeBytes }) => bytes(Number(sizeBytes)),
          },
        ]}
      />
    </>
  );
}

function ImageActions({ app, build: { version, layers } }: BuiltImageProps): ReactNode {
  const t = useText(buildText);
  const { mayDevelop } = useTeam();
  const { add } = useOperations();
  const rebase = useAction(async () => add(await api().apps.rebase(app.id)));
  const download = useAction(async (id: string) => {
    location.assign((await api().apps.slugUrl(id)).url);
  });
  if (!mayDevelop || !version) return null;
  const hasFiles = layers.some(({ kind }) => kind === 'APP' || kind === 'DEPENDENCIES');
  const mayRebase = version.isBaseOutdated && app.currentVersion?.id === version.id;
  return (
    <div className="row">
      <ErrorNote error={rebase.error ?? download.error} title={t('notDone')} />
      {mayRebase && (
        <Button
          size="small"
          title={t('rebaseHelp')}
          loading={rebase.busy}
          disabled={app.activeOperation !== null}
          data-testid="rebase-button"
          onClick={() => void rebase.run()}
        >
          {t('rebase')}
        </Button>
      )}
      {hasFiles && (
        <Button
          size="small"
          title={t('slugHelp')}
          loading={download.busy}
          data-testid="slug-button"
          onClick={() => void download.run(version.id)}
        >
          {t('slug')}
        </Button>
      )}
    </div>
  );
}
