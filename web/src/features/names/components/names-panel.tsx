'use client';

import { DnsServersDocument } from '@skyarc/sdk';
import type { DnsServerFieldsFragment } from '@skyarc/sdk';
import type { ReactNode } from 'react';
import { useQuery } from '../../../components/api.ts';
import { DataList } from '../../../components/data-list.tsx';
import { duration } from '../../../components/format.ts';
import { Note } from '../../../components/note.tsx';
import { Panel } from '../../../components/panel.tsx';
import { Empty, Loaded } from '../../../components/states.tsx';
import { RelativeTime } from '../../../components/time.tsx';
import { useText } from '../../../components/use-text.ts';
import { namesText } from '../text.ts';
import { ClusterServers } from './cluster-servers.tsx';
import styles from './names.module.css';

type Server = DnsServerFieldsFragment;

/** What answers for apps' names in other networks: zones, gateways, questions, failures; for administrators. */
export function NamesPanel({ dataCenter }: { readonly dataCenter: string }): ReactNode {
  const t = useText(namesText);
  const state = useQuery(DnsServersDocument, {}, { refreshMs: 5_000 });
  const found = state.data?.dataCenters.find(({ name }) => name === dataCenter);
  const servers = found?.dns ?? [];
  return (
    <Panel title={t('title')} hint={t('hint')} testId="names">
      <Loaded state={state} rows={3}>
        {() =>
          servers.length === 0 ? (
            <Empty title={t('none')} help={t('noneHelp')} />
          ) : (
            <div className="stack">
              {servers.map((server, index) => (
                <ServerView key={server.address ?? index} server={server} />
              ))}
            </div>
          )
        }
      </Loaded>
      {found && <ClusterServers servers={found.clusterDns ?? []} />}
    </Panel>
  );
}

function ServerView({ server }: { readonly server: Server }): ReactNode {
  const t = useText(namesText);
  if (server.problem) {
    return (
      <Note kind="error" title={t('title')}>
        {server.problem}
      </Note>
    );
  }
  const silence = server.clusterSilenceSeconds;
  const facts: [string, ReactNode][] = [
    [t('server'), `${server.address} · ${t('authoritative')}`],
    [t('rate'), `${server.questionsPerSecond.toFixed(1)} · ${server.questions} ${t('total')}`],
    [t('gateways'), <Gateways key="gateways" gateways={server.gateways} />],
    [t('cluster'), typeof silence === 'number' ? t('ago', { time: duration(silence * 1_000) }) : t('never')],
  ];
  return (
    <>
      <dl className={styles['facts']}>
        {facts.map(([term, value]) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <DataList
        label={t('zone')}
        items={server.zones}
        keyOf={({ origin }) => origin}
        columns={[
          { key: 'zone', title: t('zone'), render: ({ origin }) => <b>{origin}</b> },
          {
            key: 'kind',
            title: t('kind'),
            render: ({ internal, wildcard }) => t(internal ? 'internal' : wildcard ? 'wildcard' : 'hosts'),
          },
          { key: 'names', title: t('names'), align: 'right', render: ({ names }) => names },
          { key: 'serial', title: t('serial'), align: 'right', render: ({ serial }) => serial },
        ]}
      />
      <Failures failures={server.failures} />
    </>
  );
}

function Gateways({ gateways }: Pick<Server, 'gateways'>): ReactNode {
  const t = useText(namesText);
  if (gateways.length === 0) return t('noGateways');
  return gateways.map(({ address, alive }) => (
    <span key={address} className={styles['gateway']}>
      {address}
      {!alive && <span className="faint"> {t('silent')}</span>}
    </span>
  ));
}

function Failures({ failures }: Pick<Server, 'failures'>): ReactNode {
  const t = useText(namesText);
  if (failures.length === 0) return <p className="faint small">{t('noFailures')}</p>;
  return (
    <DataList
      label={t('failures')}
      items={failures}
      keyOf={({ name, type, reason }) => `${name} ${type} ${reason}`}
      columns={[
        { key: 'name', title: t('failures'), render: ({ name, type }) => `${name} ${type}` },
        { key: 'reason', title: '', render: ({ reason }) => t(reason) },
        { key: 'count', title: '', align: 'right', render: ({ count }) => t('times', { n: count }) },
        { key: 'at', title: '', align: 'right', render: ({ lastAt }) => <RelativeTime at={lastAt} /> },
      ]}
    />
  );
}
