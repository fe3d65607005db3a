import type { ClusterDnsServerFieldsFragment } from '@skyarc/sdk';
import type { ReactNode } from 'react';
import { DataList } from '../../../components/data-list.tsx';
import { Note } from '../../../components/note.tsx';
import { useText } from '../../../components/use-text.ts';
import { namesText } from '../text.ts';
import styles from './names.module.css';

type Server = ClusterDnsServerFieldsFragment;

/** The name servers that answer the cluster's pods: what they remember and whom they ask. */
export function ClusterServers({ servers }: { readonly servers: readonly Server[] }): ReactNode {
  const t = useText(namesText);
  return (
    <section className={styles['inside']} data-testid="cluster-names">
      <h3>
        {t('inside')} <span className="faint small">{t('insideHint')}</span>
      </h3>
      {servers.length === 0 && <p className="faint small">{t('insideNone')}</p>}
      {servers.map((server) =>
        server.problem ? (
          <Note key={server.address} kind="error" title={server.address}>
            {server.problem}
          </Note>
        ) : (
          <ServerFigures key={server.address} server={server} />
        ),
      )}
    </section>
  );
}

function ServerFigures({
  server: { address, questions, cache, upstreams },
}: {
  readonly server: Server;
}): ReactNode {
  const t = useText(namesText);
  const percent = ((cache.hits / cache.requests) * 100).toFixed(0);
  const facts: [string, ReactNode][] = [
    [t('server'), address],
    [t('questions'), questions],
    [t('cached'), cache.entries],
    [t('hits'), cache.requests > 0 ? t('hitsOf', { percent, n: cache.requests }) : '–'],
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
      {upstreams.length === 0 ? (
        <p className="faint small">{t('upstreamNone')}</p>
      ) : (
        <DataList
          label={t('upstream')}
          items={upstreams}
          keyOf={(upstream) => upstream.address}
          columns={[
            { key: 'upstream', title: t('upstream'), render: (upstream) => upstream.address },
            {
              key: 'questions',
              title: t('questions'),
              align: 'right',
              render: (upstream) => upstream.questions,
            },
            { key: 'failures', title: t('unanswered'), align: 'right', render: ({ failures }) => failures },
          ]}
        />
      )}
    </>
  );
}
