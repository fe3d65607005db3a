import type { NodeFieldsFragment } from '@skyarc/sdk';
import type { ReactNode } from 'react';
import { DataList } from '../../../components/data-list.tsx';
import { memory } from '../../../components/format.ts';
import { RelativeTime } from '../../../components/time.tsx';
import { useText } from '../../../components/use-text.ts';
import { MetricsPanel } from '../../monitor/index.ts';
import { StatusGlyph } from '../../operations/index.ts';
import { nodeText } from '../text.ts';
import { NodeForm } from './node-form.tsx';
import { Bar } from './node-room.tsx';

type Node = NodeFieldsFragment;

export interface NodeDetailsProps {
  readonly node: Node;
  readonly dataCenter: string;
  readonly reload: () => Promise<void>;
}

/** Everything known of one machine. */
export function NodeDetails({ node, dataCenter, reload }: NodeDetailsProps): ReactNode {
  const t = useText(nodeText);
  return (
    <div className="stack" style={{ padding: 16 }} data-testid={`node-${node.name}`}>
      <Use node={node} />
      <MetricsPanel subject="NODE" id={node.name} dataCenter={dataCenter} />
      <NodeForm node={node} dataCenter={dataCenter} reload={reload} />
      <DataList
        label={t('conditions')}
        items={node.conditions}
        keyOf={({ type }) => type}
        columns={[
          {
            key: 'type',
            title: t('conditions'),
            render: ({ type, good }) => (
              <span className="row">
                <StatusGlyph status={good ? 'SUCCEEDED' : 'FAILED'} />
                {type}
              </span>
            ),
          },
          { key: 'message', title: '', render: ({ message }) => <span className="small">{message}</span> },
        ]}
      />
      {node.services.length > 0 && <Services services={node.services} />}
      {node.pods.length > 0 && <Pods pods={node.pods} />}
      <Record record={node.record} />
    </div>
  );
}

function Use({
  node: { use, system, kernel, architecture, containerRuntime },
}: {
  readonly node: Node;
}): ReactNode {
  const t = useText(nodeText);
  return (
    <div>
      <p className="small">
        {t('system')}: {[system, kernel, architecture, containerRuntime].filter(Boolean).join(' · ')}
      </p>
      {use && (
        <>
          <Bar
            label={t('load', { load: use.load.toFixed(2), cpus: use.cpus })}
            part={use.load}
            whole={use.cpus}
          />
          <Bar
            label={t('memory', { used: memory(use.memoryUsedMb), all: memory(use.memoryMb) })}
            part={use.memoryUsedMb}
            whole={use.memoryMb}
          />
          <Bar
            label={t('disk', { used: memory(use.diskUsedMb), all: memory(use.diskMb) })}
            part={use.diskUsedMb}
            whole={use.diskMb}
          />
        </>
      )}
    </div>
  );
}

function Services({ services }: { readonly services: Node['services'] }): ReactNode {
  const t = useText(nodeText);
  return (
    <DataList
      label={t('services')}
      items={services}
      keyOf={({ name }) => name}
      columns={[
        {
          key: 'name',
          title: t('services'),
          render: ({ name, healthy, message }) => (
            <span className="row">
              <StatusGlyph status={healthy ? 'SUCCEEDED' : 'FAILED'} />
              {name}
              <span className="faint small">{message}</span>
            </span>
          ),
        },
        {
          key: 'restarts',
          title: '',
          align: 'right',
          render: ({ restarts }) => (restarts > 0 ? t('restarts', { n: restarts }) : ''),
        },
      ]}
    />
  );
}

function Record({ record }: { readonly record: Node['record'] }): ReactNode {
  const t = useText(nodeText);
  if (record.length === 0) {
    return (
      <p className="faint small">
        {t('record')}: {t('nothing')}
      </p>
    );
  }
  return (
    <DataList
      label={t('record')}
      items={record}
      keyOf={({ at, subject, what }) => `${at} ${subject} ${what}`}
      columns={[
        { key: 'at', title: t('record'), width: 140, render: ({ at }) => <RelativeTime at={at} /> },
        { key: 'what', title: '', render: ({ subject, what }) => `${subject}: ${what}` },
        { key: 'why', title: '', render: ({ why }) => <span className="small">{why}</span> },
      ]}
    />
  );
}

function Pods({ pods }: { readonly pods: Node['pods'] }): ReactNode {
  const t = useText(nodeText);
  return (
    <DataList
      label={t('pods')}
      items={pods}
      keyOf={({ namespace, name }) => `${namespace}/${name}`}
      columns={[
        {
          key: 'name',
          title: t('pods'),
          render: ({ name, namespace, teamName, appName, ready }) => (
            <span className="row">
              <StatusGlyph status={ready ? 'SUCCEEDED' : 'RUNNING'} />
              {name}
              <span className="faint small">{teamName ? `${teamName} / ${appName}` : namespace}</span>
            </span>
          ),
        },
        { key: 'phase', title: t('state'), align: 'right', render: ({ phase }) => phase },
      ]}
    />
  );
}
