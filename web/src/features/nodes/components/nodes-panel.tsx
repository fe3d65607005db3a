'use client';

import { App as AntApp, Button } from 'antd';
import { NodesDocument } from '@skyarc/sdk';
import type { NodeFieldsFragment } from '@skyarc/sdk';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { api, useAction, useQuery } from '../../../components/api.ts';
import { DataList } from '../../../components/data-list.tsx';
import { ErrorNote, Note } from '../../../components/note.tsx';
import { Panel } from '../../../components/panel.tsx';
import { Empty, Loaded } from '../../../components/states.tsx';
import { useText } from '../../../components/use-text.ts';
import { nodeText } from '../text.ts';
import { NodeDetails } from './node-details.tsx';
import { NodeName } from './node-name.tsx';
import { NodeRoom } from './node-room.tsx';

type Node = NodeFieldsFragment;

const refreshMs = 3_000;

/** The machines of a data centre, and what operators do with them. */
export function NodesPanel({ dataCenter }: { readonly dataCenter: string }): ReactNode {
  const t = useText(nodeText);
  const state = useQuery(NodesDocument, {}, { refreshMs });
  const [open, setOpen] = useState<string>();
  const act = useAction(async (verb: 'cordonNode' | 'uncordonNode' | 'drainNode', name: string) => {
    await api().platform[verb](dataCenter, name);
    await state.reload();
  });
  return (
    <Panel flush title={t('title')} testId="nodes">
      <ErrorNote error={act.error} />
      <Loaded state={state} rows={3}>
        {({ dataCenters }) => {
          const nodes = dataCenters.find(({ name }) => name === dataCenter)?.nodes ?? [];
          const shown = nodes.find(({ name }) => name === open);
          if (nodes.length === 0) return <Empty title={t('none')} />;
          return (
            <>
              <DataList
                label={t('title')}
                items={nodes}
                keyOf={({ name }) => name}
                columns={[
                  { key: 'name', title: t('node'), render: (node) => <NodeName node={node} /> },
                  { key: 'room', title: t('reserved'), render: (node) => <NodeRoom node={node} /> },
                  {
                    key: 'pods',
                    title: t('pods'),
                    align: 'right',
                    render: ({ pods, maxPods }) => t('podsOf', { n: pods.length, all: maxPods }),
                  },
                  {
                    key: 'actions',
                    title: '',
                    align: 'right',
                    render: (node) => (
                      <NodeActions
                        node={node}
                        busy={act.busy}
                        act={act.run}
                        isOpen={node.name === open}
                        toggle={() => setOpen(node.name === open ? undefined : node.name)}
                      />
                    ),
                  },
                ]}
              />
              {nodes.map((node) => (
                <Draining key={node.name} node={node} />
              ))}
              {shown && <NodeDetails node={shown} dataCenter={dataCenter} reload={state.reload} />}
            </>
          );
        }}
      </Loaded>
    </Panel>
  );
}

/** How far a draining is, and what it waits for. */
function Draining({ node: { name, drain } }: { readonly node: Node }): ReactNode {
  const t = useText(nodeText);
  if (!drain) return null;
  const kind = { DRAINING: 'info', WAITING: 'warning', DRAINED: 'success' } as const;
  return (
    <Note
      kind={kind[drain.phase]}
      title={`${name}: ${t(drain.phase, { n: drain.remaining })}`}
      testId={`draining-${name}`}
    >
      <span className="small">{t('startedBy', { by: drain.startedBy })}</span>
      {drain.blockers.map((blocker) => (
        <div key={blocker} className="small">
          {blocker}
        </div>
      ))}
    </Note>
  );
}

interface NodeActionsProps {
  readonly node: Node;
  readonly busy: boolean;
  readonly act: (verb: 'cordonNode' | 'uncordonNode' | 'drainNode', name: string) => Promise<unknown>;
  readonly isOpen: boolean;
  readonly toggle: () => void;
}

function NodeActions({ node, busy, act, isOpen, toggle }: NodeActionsProps): ReactNode {
  const t = useText(nodeText);
  const { modal } = AntApp.useApp();
  const { name, cordoned, schedulable } = node;
  const ask = (verb: 'cordon' | 'drain'): void => {
    modal.confirm({
      title: t(`${verb}Title`, { name }),
      content: t(`${verb}Body`),
      okText: t(verb),
      okButtonProps: { danger: verb === 'drain' },
      cancelText: t('cancel'),
      onOk: async () => await act(`${verb}Node`, name),
    });
  };
  return (
    <span className="row" style={{ justifyContent: 'flex-end' }}>
      {schedulable && !cordoned && (
        <Button size="small" disabled={busy} onClick={() => ask('cordon')} data-testid={`cordon-${name}`}>
          {t('cordon')}
        </Button>
      )}
      {schedulable && cordoned && (
        <Button
          size="small"
          disabled={busy}
          onClick={() => void act('uncordonNode', name)}
          data-testid={`uncordon-${name}`}
        >
          {t('uncordon')}
        </Button>
      )}
      {schedulable && (
        <Button
          size="small"
          danger
          disabled={busy}
          onClick={() => ask('drain')}
          data-testid={`drain-${name}`}
        >
          {t('drain')}
        </Button>
      )}
      <Button
        size="small"
        type="text"
        onClick={toggle}
        aria-expanded={isOpen}
        data-testid={`details-${name}`}
      >
        {t(isOpen ? 'less' : 'details')}
      </Button>
    </span>
  );
}
