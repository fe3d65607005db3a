'use client';

import { DeleteOutlined, PlayCircleOutlined } from '@ant-design/icons';
import { App, Button, Tooltip } from 'antd';
import Link from 'next/link';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { AppTerminalSessionsDocument } from '@skyarc/sdk';
import type { AppFieldsFragment, TerminalSession } from '@skyarc/sdk';
import { api, useAction, useQuery } from '../../../components/api.ts';
import { commonText } from '../../../components/common-text.ts';
import { bytes as sizeOf } from '../../../components/format.ts';
import { ErrorNote } from '../../../components/note.tsx';
import { Panel } from '../../../components/panel.tsx';
import { Empty, Loaded } from '../../../components/states.tsx';
import { Elapsed, RelativeTime } from '../../../components/time.tsx';
import { useText } from '../../../components/use-text.ts';
import { useTeam } from '../../teams/index.ts';
import { terminalText } from '../text.ts';
import styles from './terminals.module.css';

const step = 30;

/** Who was in which pod, when, from where and for how long; recordings can be replayed. */
export function SessionList({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const t = useText(terminalText);
  const [first, setFirst] = useState(step);
  const state = useQuery(AppTerminalSessionsDocument, { id: app.id, first }, { refreshMs: 10_000 });
  const act = useAction(async (work: () => Promise<unknown>) => {
    await work();
    await state.reload();
  });
  return (
    <Panel flush>
      <ErrorNote error={act.error} title={t('failed')} />
      <Loaded state={state} rows={6}>
        {(data) => {
          const page = data.app?.terminalSessions;
          if (!page) return <Empty title={t('viewers')} />;
          if (page.items.length === 0) return <Empty title={t('noSessions')} help={t('noSessionsHelp')} />;
          return (
            <>
              <ul data-testid="terminal-sessions">
                {page.items.map((session) => (
                  <Session
                    key={session.id}
                    app={app}
                    session={session}
                    onAct={(work) => void act.run(work)}
                  />
                ))}
              </ul>
              {page.next && (
                <div style={{ padding: 12, textAlign: 'center' }}>
                  <Button onClick={() => setFirst(Math.min(100, first + step))}>{t('more')}</Button>
                </div>
              )}
            </>
          );
        }}
      </Loaded>
    </Panel>
  );
}

interface SessionProps {
  readonly app: AppFieldsFragment;
  readonly session: TerminalSession;
  readonly onAct: (work: () => Promise<unknown>) => void;
}

function Session({ app, session, onAct }: SessionProps): ReactNode {
  const t = useText(terminalText);
  const common = useText(commonText);
  const { mayManage } = useTeam();
  const { modal } = App.useApp();
  const ask = (title: string, okText: string, work: () => Promise<unknown>): void =>
    void modal.confirm({
      title,
      okText,
      cancelText: common('cancel'),
      okButtonProps: { danger: true },
      onOk: () => onAct(work),
    });
  const { id, actor, remoteAddress, pod, container, command, startedAt, endedAt, end } = session;
  const href = `/app?id=${app.id}&tab=terminal&view=sessions&recording=${id}`;
  return (
    <li className={styles['session']} data-testid="terminal-session" data-end={end ?? ''}>
      <span className="truncate">
        <strong style={{ fontWeight: 560 }}>{actor}</strong>
        {remoteAddress && <div className="faint small">{t('from', { address: remoteAddress })}</div>}
      </span>
      <span className="truncate">
        <code>{pod}</code>
        <div className="faint small truncate">
          {container} · <code>{command.join(' ')}</code>
        </div>
      </span>
      <span className="small">
        <RelativeTime at={startedAt} />
        <div className="faint">
          {endedAt ? (
            <Elapsed from={startedAt} to={endedAt} />
          ) : (
            <span style={{ color: 'var(--green)' }}>{t('live')}</span>
          )}
        </div>
      </span>
      <span className="faint small">
        {endedAt && `${sizeOf(Number(session.bytesIn))} / ${sizeOf(Number(session.bytesOut))}`}
      </span>
      <span className={styles['acts']}>
        {!endedAt && (
          <Button
            size="small"
            danger
            onClick={() => ask(t('closeAsk'), t('end'), () => api().terminals.close(id))}
          >
            {t('end')}
          </Button>
        )}
        {session.recordingBytes !== null && (
          <>
            <Link href={href}>
              <Button size="small" icon={<PlayCircleOutlined />} tabIndex={-1} data-testid="terminal-replay">
                {t('replay')}
              </Button>
            </Link>
            {mayManage && (
              <Tooltip title={t('deleteRecording')}>
                <Button
                  size="small"
                  type="text"
                  icon={<DeleteOutlined />}
                  aria-label={t('deleteRecording')}
                  onClick={() =>
                    ask(t('deleteRecordingAsk'), t('remove'), () => api().terminals.deleteRecording(id))
                  }
                />
              </Tooltip>
            )}
          </>
        )}
      </span>
      {session.message && <p>{session.message}</p>}
    </li>
  );
}
