'use client';

import { DeleteOutlined, PlusOutlined } from '@ant-design/icons';
import { Button, Input, InputNumber, Select, Switch } from 'antd';
import type { AppFieldsFragment, PortProtocol } from '@skyarc/sdk';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { DataList } from '../../../components/data-list.tsx';
import { ExternalLink } from '../../../components/external-link.tsx';
import { Panel } from '../../../components/panel.tsx';
import { SaveBar } from '../../../components/save-bar.tsx';
import { useText } from '../../../components/use-text.ts';
import { useTeam } from '../../teams/index.ts';
import { useUpdateApp } from '../hooks/use-update-app.ts';
import { settingsText } from '../settings-text.ts';

interface PortRow {
  readonly port: number | null;
  readonly protocol: PortProtocol;
  readonly public: boolean;
  /** Prefix of what dependents are told; null = from the app's name. */
  readonly alias: string | null;
}

/** Where the app listens, and what those that depend on it are told of it. */
export function PortsTab({ app }: { readonly app: AppFieldsFragment }): ReactNode {
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
                options={[{ value: 'HTTP' }, { value: 'GRPC' }, { value: 'TCP' }, { value: 'UDP' }]}
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
            key: 'alias',
            title: t('alias'),
            width: 150,
            render: ({ row, index }) => (
              <Input
                className="mono"
                value={row.alias ?? ''}
                disabled={!mayDevelop}
                aria-label={t('alias')}
                onChange={({ target }) => change(index, { alias: target.value.toUpperCase() || null })}
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
            onClick={() =>
              setEdited([...rows.map(plain), { port: null, protocol: 'HTTP', public: true, alias: null }])
            }
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
function plain({ port, protocol, public: isPublic, alias }: PortRow): PortRow {
  return { port, protocol, public: isPublic, alias };
}
