'use client';

import { BellOutlined } from '@ant-design/icons';
import { UnreadMessagesDocument } from '@skyarc/sdk';
import Link from 'next/link';
import { usePathname } from 'next/navigation';
import type { ReactNode } from 'react';
import { useQuery } from '../../../components/api.ts';
import { useText } from '../../../components/use-text.ts';
import { monitorText } from '../text.ts';

export interface MessagesLinkProps {
  readonly className: string | undefined;
  readonly countClassName: string | undefined;
  readonly onNavigate: (() => void) | undefined;
}

/** The bell, with how many messages are unread. */
export function MessagesLink({ className, countClassName, onNavigate }: MessagesLinkProps): ReactNode {
  const t = useText(monitorText);
  const path = usePathname();
  const { data } = useQuery(UnreadMessagesDocument, {}, { refreshMs: 10_000 });
  const unread = data?.unreadMessages ?? 0;
  return (
    <Link
      href="/messages"
      className={className}
      aria-current={path === '/messages' ? 'page' : undefined}
      data-testid="messages-open"
      onClick={onNavigate}
    >
      <BellOutlined />
      <span className="truncate">{t('messages')}</span>
      {unread > 0 && (
        <span className={countClassName} aria-label={t('unread', { n: unread })}>
          {unread > 99 ? '99+' : unread}
        </span>
      )}
    </Link>
  );
}
