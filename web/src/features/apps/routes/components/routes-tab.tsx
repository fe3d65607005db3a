'use client';

import { PlusOutlined } from '@ant-design/icons';
import { App, Button } from 'antd';
import { AppSettingsDocument, AppTrafficDocument } from '@skyarc/sdk';
import type { AppFieldsFragment, AppTrafficQuery, RouteFieldsFragment, RouteInput } from '@skyarc/sdk';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { api, useAction, useQuery } from '../../../../components/api.ts';
import { DataList } from '../../../../components/data-list.tsx';
import { ExternalLink } from '../../../../components/external-link.tsx';
import { ErrorNote } from '../../../../components/note.tsx';
import { Panel } from '../../../../components/panel.tsx';
import { Loaded } from '../../../../components/states.tsx';
import { useText } from '../../../../components/use-text.ts';
import { useOperations } from '../../../operations/index.ts';
import { useTeam } from '../../../teams/index.ts';
import { inputOf } from '../route-input.ts';
import { routeText } from '../text.ts';
import { ExplainPanel } from './explain-panel.tsx';
import { L4Panel } from './l4-panel.tsx';
import { RouteEditor } from './route-editor.tsx';

type Traffic = NonNullable<AppTrafficQuery['app']>['traffic'][number];

type Match = NonNullable<RouteFieldsFragment['policy']['match']>;

const refreshMs = 2_000;

/** Under which hosts, paths and ports the app is reached, and what goes on there. */
export function RoutesTab({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const state = useQuery(AppSettingsDocument, { id: app.id });
  return (
    <div className="stack">
      <Loaded state={state} rows={6}>
        {(data) => <Routes app={app} routes={data.app?.routes ?? []} reload={state.reload} />}
      </Loaded>
      <ExplainPanel app={app} />
      <L4Panel app={app} />
    </div>
  );
}

interface RoutesProps {
  readonly app: AppFieldsFragment;
  readonly routes: readonly RouteFieldsFragment[];
  readonly reload: () => Promise<void>;
}

/** One line of the list: a route of one's own, or a default address. */
interface Place {
  readonly key: string;
  readonly url: string;
  readonly route: RouteFieldsFragment | null;
  readonly traffic: Traffic | undefined;
}

function Routes({ app, routes, reload }: RoutesProps): ReactNode {
  const t = useText(routeText);
  const { mayDevelop } = useTeam();
  const { modal } = App.useApp();
  const { add } = useOperations();
  const traffic = useQuery(AppTrafficDocument, { id: app.id }, { refreshMs }).data?.app?.traffic ?? [];
  const [editing, setEditing] = useState<RouteFieldsFragment | 'new'>();
  const save = useAction(async (next: readonly RouteInput[]) => {
    const { operation } = await api().apps.update(app.id, { routes: [...next] });
    if (operation) add(operation);
    await reload();
    return true;
  });
  const put = async (input: RouteInput): Promise<boolean> => {
    const others = routes.filter(({ id }) => id !== input.id).map(inputOf);
    return (await save.run([...others, input])) === true;
  };
  const remove = (route: RouteFieldsFragment): void => {
    modal.confirm({
      title: t('removeTitle', { place: `${route.host}${route.path}` }),
      okText: t('remove'),
      okButtonProps: { danger: true },
      cancelText: t('cancel'),
      onOk: async () => await save.run(routes.filter(({ id }) => id !== route.id).map(inputOf)),
    });
  };
  const trafficOf = (url: string, id: string | null): Traffic | undefined => {
    const { hostname, pathname } = new URL(url);
    return traffic.find(
      (each) => (id !== null && each.routeId === id) || (each.host === hostname && each.path === pathname),
    );
  };
  const places: Place[] = [
    ...app.ports.flatMap(({ url, port }) =>
      url ? [{ key: `port-${port}`, url, route: null, traffic: trafficOf(url, null) }] : [],
    ),
    ...routes.map((route) => ({
      key: route.id,
      url: route.url,
      route,
      traffic: trafficOf(route.url, route.id),
    })),
  ];
  return (
    <Panel
      flush
      title={t('routes')}
      hint={t('routesHint')}
      testId="routes"
      actions={
        mayDevelop && (
          <Button
            icon={<PlusOutlined />}
            disabled={!app.ports.some(({ protocol }) => protocol === 'HTTP' || protocol === 'GRPC')}
            data-testid="route-add"
            onClick={() => setEditing('new')}
          >
            {t('addRoute')}
          </Button>
        )
      }
    >
      <ErrorNote error={editing ? undefined : save.error} title={t('notSaved')} />
      <DataList
        label={t('routes')}
        items={places}
        keyOf={({ key }) => key}
        columns={[
          {
            key: 'place',
            title: t('place'),
            render: ({ url, route }) => (
              <span className="row">
                {url.includes('*') ? placeOf(url) : <ExternalLink href={url} />}
                {!route && <span className="faint small">{t('defaultAddress')}</span>}
                {route?.policy.match && (
                  <span className="faint small">{conditionsOf(route.policy.match)}</span>
                )}
                {route && !route.enabled && <span className="faint small">{t('off')}</span>}
              </span>
            ),
          },
          {
            key: 'rate',
            title: t('rate'),
            width: 110,
            align: 'right',
            render: (place) => rate(place.traffic),
          },
          {
            key: 'errors',
            title: t('errors'),
            width: 90,
            align: 'right',
            render: (place) => errors(place.traffic),
          },
          {
            key: 'latency',
            title: t('latency'),
            width: 180,
            align: 'right',
            render: (place) => <span className="soft">{latency(place.traffic)}</span>,
          },
          {
            key: 'act',
            title: '',
            width: 170,
            align: 'right',
            render: ({ route }) =>
              route && (
                <span className="row" style={{ justifyContent: 'flex-end' }}>
                  <Button
                    size="small"
                    data-testid={`route-edit-${route.host}`}
                    onClick={() => setEditing(route)}
                  >
                    {t('edit')}
                  </Button>
                  <Button
                    size="small"
                    danger
                    type="text"
                    disabled={!mayDevelop}
                    onClick={() => remove(route)}
                  >
                    {t('remove')}
                  </Button>
                </span>
              ),
          },
        ]}
      />
      <p className="faint small" style={{ padding: '10px 16px' }}>
        {routes.length === 0 ? t('noRoutes') : t('help')}
      </p>
      {editing && (
        <RouteEditor
          app={app}
          route={editing === 'new' ? null : editing}
          busy={save.busy}
          error={save.error}
          onSave={(input) => void put(input).then((done) => done && setEditing(undefined))}
          onClose={() => {
            save.clear();
            setEditing(undefined);
          }}
        />
      )}
    </Panel>
  );
}

/** A host with a wildcard is none that could be opened. */
function placeOf(url: string): string {
  return url.replace(/^https?:\/\//, '').replace(/\/$/, '');
}

/** What a request must have, in short: `GET · x-tester`. */
function conditionsOf({ methods, headers, cookies, query }: Match): string {
  return [methods.join(', '), ...[...headers, ...cookies, ...query].map(({ name }) => name)]
    .filter(Boolean)
    .join(' · ');
}

function rate(traffic: Traffic | undefined): string {
  return traffic ? traffic.requestsPerSecond.toFixed(1) : '–';
}

function errors(traffic: Traffic | undefined): ReactNode {
  if (!traffic) return '–';
  const percent = `${(traffic.errorRate * 100).toFixed(traffic.errorRate > 0 ? 2 : 0)} %`;
  return traffic.errorRate > 0 ? <strong style={{ color: 'var(--red)' }}>{percent}</strong> : percent;
}

function latency(traffic: Traffic | undefined): string {
  if (!traffic || traffic.p50 === null) return '–';
  return `${[traffic.p50, traffic.p95, traffic.p99].map((ms) => (ms === null ? '–' : ms.toFixed(ms < 10 ? 1 : 0))).join(' / ')} ms`;
}
