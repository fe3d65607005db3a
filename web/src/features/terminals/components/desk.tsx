'use client';

import {
  CloseOutlined,
  CompressOutlined,
  ExpandOutlined,
  PlusOutlined,
  SearchOutlined,
  ZoomInOutlined,
  ZoomOutOutlined,
} from '@ant-design/icons';
import { App, Button, Tooltip } from 'antd';
import { useCallback, useEffect, useRef, useState } from 'react';
import type { ReactNode } from 'react';
import { AppTerminalTargetsDocument } from '@skyarc/sdk';
import type { AppFieldsFragment, TerminalState } from '@skyarc/sdk';
import { useQuery } from '../../../components/api.ts';
import { commonText } from '../../../components/common-text.ts';
import { Panel } from '../../../components/panel.tsx';
import { Empty, Loaded } from '../../../components/states.tsx';
import { useText } from '../../../components/use-text.ts';
import { useDesk } from '../hooks/use-desk.ts';
import type { DeskStart } from '../hooks/use-desk.ts';
import { terminalText } from '../text.ts';
import { OpenForm } from './open-form.tsx';
import { TerminalSheet } from './terminal-sheet.tsx';
import styles from './terminals.module.css';

const smallest = 9;
const largest = 24;

/** The open terminals of an app side by side in tabs, and the form for another one. */
export function Desk({
  app,
  pod,
}: {
  readonly app: AppFieldsFragment;
  readonly pod: string | null;
}): ReactNode {
  const t = useText(terminalText);
  const common = useText(commonText);
  const { modal } = App.useApp();
  const desk = useDesk(app.id);
  const { terminals, open, show } = desk;
  const current = pod === null ? desk.current : null;
  const [states, setStates] = useState<Readonly<Record<string, TerminalState>>>({});
  const [fontSize, setFontSize] = useState(13);
  const [searching, setSearching] = useState(false);
  const [isFull, setFull] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const closers = useRef(new Map<string, () => void>());
  const onState = useCallback((key: string, state: TerminalState) => {
    setStates((old) => (old[key] === state ? old : { ...old, [key]: state }));
  }, []);
  useEffect(() => {
    const look = (): void => setFull(document.fullscreenElement !== null);
    document.addEventListener('fullscreenchange', look);
    return () => document.removeEventListener('fullscreenchange', look);
  }, []);

  const leavePod = (): void => {
    // The pod of the link has been dealt with.
    if (pod !== null) history.replaceState(null, '', `/app?id=${app.id}&tab=terminal`);
  };
  const openOne = (start: DeskStart): void => {
    open(start);
    leavePod();
  };
  const showOne = (key: string | null): void => {
    show(key);
    leavePod();
  };
  const closeOne = (key: string): void => {
    closers.current.get(key)?.();
    desk.close(key);
  };
  const askToClose = (key: string): void => {
    if (states[key] === 'ended') return closeOne(key);
    modal.confirm({
      title: t('closeAsk'),
      okText: t('end'),
      cancelText: common('cancel'),
      okButtonProps: { danger: true },
      // Nothing outside of it is seen in full screen.
      getContainer: () => box.current ?? document.body,
      onOk: () => closeOne(key),
    });
  };

  if (terminals.length === 0) return <NewTerminal app={app} pod={pod} onOpen={openOne} />;
  return (
    <div ref={box} className={styles['desk']} data-testid="terminal-desk">
      <div className={styles['strip']} role="tablist" aria-label={t('terminals')}>
        {terminals.map(({ key, title }) => (
          <div key={key} className={styles['tab']} data-current={key === current}>
            <button
              type="button"
              role="tab"
              aria-selected={key === current}
              onClick={() => showOne(key)}
              data-testid="terminal-tab"
            >
              <i className={styles['light']} data-state={states[key] ?? 'connecting'} />
              {title}
            </button>
            <button
              type="button"
              aria-label={t('close', { title })}
              data-testid="terminal-close"
              onClick={() => askToClose(key)}
            >
              <CloseOutlined style={{ fontSize: 11 }} />
            </button>
          </div>
        ))}
        <Tooltip title={t('another')}>
          <Button
            type="text"
            icon={<PlusOutlined />}
            aria-label={t('another')}
            style={{ alignSelf: 'center' }}
            data-testid="terminal-new"
            onClick={() => showOne(null)}
          />
        </Tooltip>
        {current !== null && (
          <div className={styles['tools']}>
            <Tool label={t('search')} icon={<SearchOutlined />} onClick={() => setSearching(!searching)} />
            <Tool
              label={t('smaller')}
              icon={<ZoomOutOutlined />}
              onClick={() => setFontSize(Math.max(smallest, fontSize - 1))}
            />
            <Tool
              label={t('larger')}
              icon={<ZoomInOutlined />}
              onClick={() => setFontSize(Math.min(largest, fontSize + 1))}
            />
            <Tool
              label={isFull ? t('leaveFullScreen') : t('fullScreen')}
              icon={isFull ? <CompressOutlined /> : <ExpandOutlined />}
              onClick={() => void (isFull ? document.exitFullscreen() : box.current?.requestFullscreen())}
            />
          </div>
        )}
      </div>
      <div className={styles['stage']}>
        {terminals.map((terminal) => (
          <TerminalSheet
            key={terminal.key}
            appId={app.id}
            terminal={terminal}
            isCurrent={terminal.key === current}
            fontSize={fontSize}
            searching={searching}
            onSearching={setSearching}
            onId={desk.name}
            onState={onState}
            onOpen={openOne}
            closers={closers.current}
          />
        ))}
        {current === null && (
          <div
            className={styles['sheet']}
            style={{ padding: 20, overflow: 'auto', background: 'var(--surface)' }}
          >
            <Targets app={app} pod={pod} onOpen={openOne} />
          </div>
        )}
      </div>
    </div>
  );
}

interface NewTerminalProps {
  readonly app: AppFieldsFragment;
  readonly pod: string | null;
  readonly onOpen: (start: DeskStart) => void;
}

function NewTerminal(props: NewTerminalProps): ReactNode {
  const t = useText(terminalText);
  return (
    <Panel title={t('open')} hint={t('openIn')}>
      <Targets {...props} />
    </Panel>
  );
}

function Targets({ app, pod, onOpen }: NewTerminalProps): ReactNode {
  const t = useText(terminalText);
  const state = useQuery(AppTerminalTargetsDocument, { id: app.id });
  const { reload } = state;
  const pods = app.pods.map(({ name, ready }) => `${name} ${ready}`).join();
  useEffect(() => void reload(), [pods, reload]);
  return (
    <Loaded state={state} rows={5}>
      {(data) => {
        const targets = data.app?.terminalTargets;
        if (!targets) return <Empty title={t('viewers')} />;
        if (targets.length === 0) return <Empty title={t('noPods')} help={t('noPodsHelp')} />;
        return <OpenForm targets={targets} pod={pod} onOpen={onOpen} />;
      }}
    </Loaded>
  );
}

function Tool(props: {
  readonly label: string;
  readonly icon: ReactNode;
  readonly onClick: () => void;
}): ReactNode {
  return (
    <Tooltip title={props.label}>
      <Button type="text" size="small" icon={props.icon} aria-label={props.label} onClick={props.onClick} />
    </Tooltip>
  );
}
