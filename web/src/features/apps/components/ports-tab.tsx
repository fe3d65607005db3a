'use client';

import { DeleteOutlined, PlusOutlined } from '@ant-design/icons';
import { Button, Input, InputNumber, Select, Switch } from 'antd';
import type { AppFieldsFragment, PortProtocol } from '@skyarc/sdk';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { DataList } from '../../../components/data-list.tsx';
import { ExternalLink } from '../../../components/external-link.tsx';
import { Panel } from '../../../components/panel.tsx';
import { useText } from '../../../components/use-text.ts';
import { useTeam } from '../../teams/index.ts';
import { useUpdateApp } from '../hooks/use-update-app.ts';
import { settingsText } from '../settings-text.ts';
import { SaveBar } from './save-bar.tsx';

/** Where the app listens, and under which hosts and paths it is reached. */
export function PortsTab({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  return (
    <div className="stack">
      <Ports app={app} />
      <Routes app={app} />
    </div>
  );
}

interface PortRow {
  readonly port: number | null;
  readonly protocol: PortProtocol;
  readonly public: boolean;
}

function Ports({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const t = useText(settingsText);
  const { mayDevelop } = useTeam();
  const [edited, setEdited] = useState<readonly PortRow[]>();
  const update = useUpdateApp(app.id);
  const rows: readonly PortRow[] = edited ?? app.ports;
  const change = (at: number, part: Partial<PortRow>): void =>
    setEdited(rows.map((row, index) => (index === at ? { ...plain(row), ...part } : plain(row))));
  const twice = new Set(rows.map(({ port }) => port)).size < rows.length;
  const save = async (): Promise<void> => {
    const ports = rows.flatMap(({ port, ...rest }) =>
      port === null ? [] : [{ ...plain({ port, ...rest }), port }],
    );
    if (await update.run({ ports })) setEdited(undefined);
  };
  const indexed = rows.map((row, index) => ({
    row,
    index,
    known: app.ports.find(({ port }) => port === row.port),
  }));
  return (
    <Panel flush title={t('ports')} hint={t('portsHint')}>
      <DataList
        label={t('ports')}
        items={indexed}
        keyOf={({ index }) => String(index)}
        columns={[
          {
            key: 'port',
            title: t('port'),
            width: 190,
            render: ({ row, index, known }) => (
              <span className="row">
                <InputNumber
                  value={row.port}
                  min={1}
                  max={65_535}
                  style={{ width: 92 }}
                  disabled={!mayDevelop}
                  aria-label={t('port')}
                  onChange={(port) => change(index, { port })}
                />
                {known?.detected && <span className="faint small">{t('detected')}</span>}
              </span>
            ),
          },
          {
            key: 'protocol',
            title: t('protocol'),
            width: 120,
            render: ({ row, index }) => (
              <Select<PortProtocol>
                value={row.protocol}
                style={{ width: 92 }}
                disabled={!mayDevelop}
                aria-label={t('protocol')}
                options={[{ value: 'HTTP' }, { value: 'TCP' }]}
                onChange={(protocol) => change(index, { protocol })}
              />
            ),
          },
          {
            key: 'public',
            title: t('public'),
            width: 90,
            render: ({ row, index }) => (
              <Switch
                checked={row.public}
                disabled={!mayDevelop}
                aria-label={t('public')}
                onChange={(isPublic) => change(index, { public: isPublic })}
              />
            ),
          },
          {
            key: 'address',
            title: t('address'),
            render: ({ known }) => (
              <>
                {known?.url && <ExternalLink href={known.url} />}
                {known && <code className="faint">{known.internalAddress}</code>}
              </>
            ),
          },
          {
            key: 'remove',
            title: '',
            align: 'right',
            render: ({ row, index }) => (
              <Button
                type="text"
                icon={<DeleteOutlined />}
                disabled={!mayDevelop}
                aria-label={`${t('port')} ${row.port}: ${t('discard')}`}
                onClick={() => setEdited(rows.filter((_, at) => at !== index).map(plain))}
              />
            ),
          },
        ]}
      />
      {mayDevelop && (
        <div style={{ padding: '10px 16px' }}>
          <Button
            type="dashed"
            icon={<PlusOutlined />}
            data-testid="port-add"
            onClick={() => setEdited([...rows.map(plain), { port: null, protocol: 'HTTP', public: true }])}
          >
            {t('addPort')}
          </Button>
          {twice && <span style={{ color: 'var(--red)', marginLeft: 12 }}>{t('portTwice')}</span>}
        </div>
      )}
      <SaveBar
        dirty={edited !== undefined}
        busy={update.busy}
        error={update.error}
        disabled={twice || rows.some(({ port }) => port === null)}
        testId="ports-save"
        onSave={() => void save()}
        onDiscard={() => {
          setEdited(undefined);
          update.clear();
        }}
      />
    </Panel>
  );
}

// What the API takes of a port; the rest is its answer.
function plain({ port, protocol, public: isPublic }: PortRow): PortRow {
  return { port, protocol, public: isPublic };
}

interface RouteRow {
  readonly host: string;
  readonly path: string;
  readonly port: number;
}

const hostPattern = /^(?:\*\.)?[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+$/;
const pathPattern = /^\/[^\s]*$/;

function Routes({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const t = useText(settingsText);
  const { mayDevelop } = useTeam();
  const [edited, setEdited] = useState<readonly RouteRow[]>();
  const update = useUpdateApp(app.id);
  const rows: readonly RouteRow[] = edited ?? app.routes;
  const httpPorts = app.ports.filter(({ protocol }) => protocol === 'HTTP').map(({ port }) => port);
  const change = (at: number, part: Partial<RouteRow>): void =>
    setEdited(rows.map(({ host, path, port }, index) => ({ host, path, port, ...(index === at && part) })));
  const save = async (): Promise<void> => {
    const routes = rows.map(({ host, path, port }) => ({ host, path, port }));
    if (await update.run({ routes })) setEdited(undefined);
  };
  const wrong = rows.some(({ host, path }) => !hostPattern.test(host) || !pathPattern.test(path));
  return (
    <Panel flush title={t('routes')} hint={t('routesHint')}>
      {rows.length === 0 ? (
        <p className="soft" style={{ padding: mayDevelop ? '14px 16px 0' : '14px 16px' }}>
          {t('noRoutes')}
        </p>
      ) : (
        <DataList
          label={t('routes')}
          items={rows.map((row, index) => ({ row, index }))}
          keyOf={({ index }) => String(index)}
          columns={[
            {
              key: 'host',
              title: t('host'),
              render: ({ row, index }) => (
                <Input
                  className="mono"
                  value={row.host}
                  disabled={!mayDevelop}
                  status={row.host !== '' && !hostPattern.test(row.host) ? 'error' : ''}
                  placeholder="shop.example.com"
                  aria-label={t('host')}
                  style={{ minWidth: 180 }}
                  onChange={({ target }) => change(index, { host: target.value.trim().toLowerCase() })}
                />
              ),
            },
            {
              key: 'path',
              title: t('path'),
              width: 170,
              render: ({ row, index }) => (
                <Input
                  className="mono"
                  value={row.path}
                  disabled={!mayDevelop}
                  status={pathPattern.test(row.path) ? '' : 'error'}
                  aria-label={t('path')}
                  onChange={({ target }) => change(index, { path: target.value })}
                />
              ),
            },
            {
              key: 'port',
              title: t('port'),
              width: 120,
              render: ({ row, index }) => (
                <Select
                  value={row.port}
                  disabled={!mayDevelop}
                  style={{ width: 92 }}
                  aria-label={t('port')}
                  options={httpPorts.map((port) => ({ value: port, label: port }))}
                  onChange={(port) => change(index, { port })}
                />
              ),
            },
            {
              key: 'remove',
              title: '',
              width: 56,
              align: 'right',
              render: ({ row, index }) => (
                <Button
                  type="text"
                  icon={<DeleteOutlined />}
                  disabled={!mayDevelop}
                  aria-label={t('remove', { name: row.host })}
                  onClick={() => setEdited(rows.filter((_, at) => at !== index))}
                />
              ),
            },
          ]}
        />
      )}
      {mayDevelop && (
        <div style={{ padding: '10px 16px' }}>
          <Button
            type="dashed"
            icon={<PlusOutlined />}
            disabled={httpPorts.length === 0}
            data-testid="route-add"
            onClick={() => setEdited([...rows, { host: '', path: '/', port: httpPorts[0] ?? 80 }])}
          >
            {t('addRoute')}
          </Button>
          <p className="faint small" style={{ marginTop: 8 }}>
            {t('routesHelp')}
          </p>
        </div>
      )}
      <SaveBar
        dirty={edited !== undefined}
        busy={update.busy}
        error={update.error}
        disabled={wrong}
        testId="routes-save"
        onSave={() => void save()}
        onDiscard={() => {
          setEdited(undefined);
          update.clear();
        }}
      />
    </Panel>
  );
}
