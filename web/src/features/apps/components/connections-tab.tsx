'use client';

import { AppSettingsDocument } from '@skyarc/sdk';
import type { AppFieldsFragment, AppSettingsFieldsFragment } from '@skyarc/sdk';
import Link from 'next/link';
import type { ReactNode } from 'react';
import { adaptAction, useQuery } from '../../../components/api.ts';
import { DataList } from '../../../components/data-list.tsx';
import { Panel } from '../../../components/panel.tsx';
import { Loaded } from '../../../components/states.tsx';
import { RecordPanel } from '../../../components/record-form/index.ts';
import type { Option } from '../../../components/record-form/index.ts';
import { useText } from '../../../components/use-text.ts';
import { useTeamOverview } from '../hooks/use-team-overview.ts';
import { MeshPanel } from '../../mesh/index.ts';
import { useTeam } from '../../teams/index.ts';
import { useUpdateApp } from '../hooks/use-update-app.ts';
import { partsText } from '../parts-text.ts';
import { StateBadge } from './state-badge.tsx';

type Connections = AppSettingsFieldsFragment;
interface Needs {
  readonly ids: readonly string[];
}

/** Which apps it needs, which need it, and all that its pods are told. */
export function ConnectionsTab({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const state = useQuery(AppSettingsDocument, { id: app.id });
  const { mayDevelop } = useTeam();
  const teamApps = (useTeamOverview().data?.team?.apps ?? [])
    .filter(({ id }) => id !== app.id)
    .map(({ id, name, displayName }) => ({ value: id, label: displayName || name }));
  return (
    <Loaded state={state} rows={8}>
      {(data) =>
        data.app && (
          <div className="stack">
            <Dependencies app={app} connections={data.app} teamApps={teamApps} reload={state.reload} />
            <MeshPanel
              appId={app.id}
              settings={data.app}
              teamApps={teamApps}
              editable={mayDevelop}
              reload={state.reload}
            />
            <Dependents connections={data.app} />
            <EffectiveEnv variables={data.app.effectiveEnv} />
          </div>
        )
      }
    </Loaded>
  );
}

interface DependenciesProps {
  readonly app: AppFieldsFragment;
  readonly connections: Connections;
  readonly teamApps: readonly Option[];
  readonly reload: () => Promise<void>;
}

function Dependencies({ app, connections, teamApps, reload }: DependenciesProps): ReactNode {
  const t = useText(partsText);
  const { mayDevelop } = useTeam();
  const update = useUpdateApp(app.id);
  return (
    <RecordPanel<Needs>
      title={t('dependencies')}
      hint={t('dependenciesHint')}
      fields={[{ kind: 'words', key: 'ids', label: t('choose'), options: teamApps }]}
      value={{ ids: connections.dependencies.map(({ app: needed }) => needed.id) }}
      action={adaptAction(update, ({ ids }: Needs) => ({ dependencyIds: [...ids] }), reload)}
      testId="dependencies"
      editable={mayDevelop}
    >
      {connections.dependencies.length === 0 ? (
        <p className="faint" style={{ marginTop: 12 }}>
          {t('noDependencies')}
        </p>
      ) : (
        <ul style={{ marginTop: 14, display: 'grid', gap: 10 }}>
          {connections.dependencies.map(({ app: needed, variables }) => (
            <li key={needed.id}>
              <span className="row">
                <AppLink app={needed} />
                <StateBadge state={needed.state} />
              </span>
              <div className="soft small">
                {t('told')}:{' '}
                {variables.map(({ name, value }) => (
                  <code key={name} style={{ marginRight: 12 }}>
                    {name}={value ?? '••••'}
                  </code>
                ))}
              </div>
            </li>
          ))}
        </ul>
      )}
    </RecordPanel>
  );
}

function Dependents({ connections }: { readonly connections: Connections }): ReactNode {
  const t = useText(partsText);
  if (connections.dependents.length === 0) return null;
  return (
    <Panel title={t('dependents')}>
      <ul style={{ display: 'grid', gap: 8 }}>
        {connections.dependents.map((each) => (
          <li key={each.id} className="row">
            <AppLink app={each} />
            <StateBadge state={each.state} />
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function AppLink({
  app: { id, name, displayName },
}: {
  readonly app: Connections['dependents'][number];
}): ReactNode {
  return (
    <Link href={`/app?id=${id}`} style={{ fontWeight: 560 }}>
      {displayName || name}
    </Link>
  );
}

function EffectiveEnv({ variables }: { readonly variables: Connections['effectiveEnv'] }): ReactNode {
  const t = useText(partsText);
  const originOf = ({ origin, originName }: Connections['effectiveEnv'][number]): string => {
    if (origin === 'CONFIG_SET') return t('originCONFIG_SET', { name: originName ?? '' });
    if (origin === 'DEPENDENCY') return t('originDEPENDENCY', { name: originName ?? '' });
    return origin === 'APP' ? t('originAPP') : t('originPLATFORM');
  };
  return (
    <Panel flush title={t('effective')} hint={t('effectiveHint')} testId="effective-env">
      <DataList
        label={t('effective')}
        items={variables}
        keyOf={({ name }) => name}
        columns={[
          { key: 'name', title: t('variable'), render: ({ name }) => <code>{name}</code> },
          {
            key: 'value',
            title: t('value'),
            render: ({ value, secret }) =>
              secret ? <span className="faint">{t('secret')}</span> : <code>{value}</code>,
          },
          {
            key: 'origin',
            title: t('origin'),
            width: 200,
            render: (variable) => <span className="soft">{originOf(variable)}</span>,
          },
        ]}
      />
    </Panel>
  );
}
