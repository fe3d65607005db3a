'use client';

import { Button } from 'antd';
import type { AppFieldsFragment, GreyReleaseInput } from '@skyarc/sdk';
import type { ReactNode } from 'react';
import { api, useAction } from '../../../components/api.ts';
import { ErrorNote } from '../../../components/note.tsx';
import type { Field } from '../../../components/record-form/index.ts';
import { optionsOf, RecordPanel } from '../../../components/record-form/index.ts';
import { useText } from '../../../components/use-text.ts';
import { useOperations } from '../../operations/index.ts';
import { useTeam } from '../../teams/index.ts';
import { partsText } from '../parts-text.ts';

/** The candidate beside the current version: its share, and the two ways to end it; nothing while there is none. */
export function GreyRelease({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const t = useText(partsText);
  const { mayDevelop } = useTeam();
  const { add } = useOperations();
  const change = useAction(async (input: GreyReleaseInput) => {
    const { operation } = await api().apps.updateGreyRelease(app.id, input);
    if (operation) add(operation);
    return true;
  });
  const end = useAction(async (how: 'promoteGreyRelease' | 'abortGreyRelease') => {
    add(await api().apps[how](app.id));
  });
  const grey = app.greyRelease;
  if (!grey) return null;
  const { version, readyReplicas, ...shares } = grey;
  return (
    <RecordPanel<GreyReleaseInput>
      title={t('candidate', { n: version.number, percent: grey.percent })}
      hint={t('candidatePods', { ready: readyReplicas, wanted: grey.replicas })}
      fields={greyFields(t)}
      value={shares}
      action={change}
      testId="grey"
      editable={mayDevelop}
    >
      <div className="row" style={{ marginTop: 18 }}>
        <Button
          type="primary"
          disabled={!mayDevelop || app.activeOperation !== null}
          loading={end.busy}
          data-testid="grey-promote"
          onClick={() => void end.run('promoteGreyRelease')}
        >
          {t('promote')}
        </Button>
        <Button
          danger
          disabled={!mayDevelop || app.activeOperation !== null}
          data-testid="grey-abort"
          onClick={() => void end.run('abortGreyRelease')}
        >
          {t('abort')}
        </Button>
        <ErrorNote error={end.error} title={t('notDone')} />
      </div>
    </RecordPanel>
  );
}

/** Share and stickiness, as GreyReleaseInput has them. */
export function greyFields(t: ReturnType<typeof useText<(typeof partsText)['en']>>): Field[] {
  const pair: Field[] = [
    { kind: 'text', key: 'name', label: t('name'), mono: true },
    { kind: 'text', key: 'value', label: t('value'), mono: true },
  ];
  const empty = { name: '', value: '' };
  return [
    { kind: 'number', key: 'percent', label: t('percent'), unit: t('percentUnit'), max: 100 },
    {
      kind: 'choice',
      key: 'sticky',
      label: t('sticky'),
      options: optionsOf(['COOKIE', 'CLIENT_IP', 'NONE'], (value) => t(value)),
    },
    { kind: 'number', key: 'replicas', label: t('pods'), min: 1, max: 50 },
    { kind: 'part', key: 'header', label: t('header'), help: t('always'), empty, fields: pair },
    { kind: 'part', key: 'cookie', label: t('cookie'), help: t('always'), empty, fields: pair },
  ];
}
