'use client';

import { Button } from 'antd';
import { MessagesDocument } from '@skyarc/sdk';
import type { MessagesQuery } from '@skyarc/sdk';
import { summaryIn } from '@skyarc/sdk/alerts';
import Link from 'next/link';
import type { ReactNode } from 'react';
import { api, useAction, useQuery } from '../../../components/api.ts';
import { DataList } from '../../../components/data-list.tsx';
import { ErrorNote } from '../../../components/note.tsx';
import { Page } from '../../../components/page.tsx';
import { Panel } from '../../../components/panel.tsx';
import { Empty, Loaded } from '../../../components/states.tsx';
import { RelativeTime } from '../../../components/time.tsx';
import { usePreferences } from '../../../components/preferences.tsx';
import { useText } from '../../../components/use-text.ts';
import { monitorText } from '../text.ts';
import { Severity } from './severity.tsx';

type Message = MessagesQuery['messages']['items'][number];

/** What the viewer was told. */
export function MessagesPage(): ReactNode {
  const t = useText(monitorText);
  const state = useQuery(MessagesDocument, { first: 100 }, { refreshMs: 10_000 });
  const { run, busy, error } = useAction(async (ids?: readonly string[]) => {
    await api().monitor.markRead(ids);
    await state.reload();
  });
  const unread = state.data?.unreadMessages ?? 0;
  return (
    <Page
      title={t('messages')}
      subtitle={t('messagesHint')}
      actions={
        unread > 0 && (
          <Button loading={busy} data-testid="messages-read" onClick={() => void run()}>
            {t('markAll')}
          </Button>
        )
      }
    >
      <ErrorNote error={error} title={t('notDone')} />
      <Panel flush title={t('messages')} hint={t('unread', { n: unread })} testId="messages">
        <Loaded state={state}>
          {({ messages }) =>
            messages.items.length === 0 ? (
              <Empty title={t('noMessages')} help={t('noMessagesHelp')} />
            ) : (
              <DataList
                label={t('messages')}
                items={messages.items}
                keyOf={({ id }) => id}
                columns={[
                  {
                    key: 'severity',
                    title: t('severity'),
                    render: ({ severity, status }) => <Severity of={severity} over={status === 'RESOLVED'} />,
                  },
                  { key: 'what', title: t('what'), render: (message) => <What message={message} /> },
                  {
                    key: 'since',
                    title: t('since'),
                    render: ({ startedAt, endedAt }) => (
                      <>
                        <RelativeTime at={startedAt} />
                        {endedAt && (
                          <div className="faint small">
                            {t('until')} <RelativeTime at={endedAt} />
                          </div>
                        )}
                      </>
                    ),
                  },
                ]}
              />
            )
          }
        </Loaded>
      </Panel>
    </Page>
  );
}

function What({ message }: { readonly message: Message }): ReactNode {
  const { alertName, isRead, appId, teamName } = message;
  const t = useText(monitorText);
  const { language } = usePreferences();
  const summary = summaryIn(language, alertName, message.summary);
  const text = isRead ? <span>{summary}</span> : <strong>{summary}</strong>;
  return (
    <>
      {appId ? <Link href={`/app?id=${appId}&tab=metrics`}>{text}</Link> : text}
      <div className="faint small">
        {teamName ?? t('platform')} · {alertName}
      </div>
    </>
  );
}
