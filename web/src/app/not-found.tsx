'use client';

import { Button } from 'antd';
import Link from 'next/link';
import type { ReactNode } from 'react';
import { commonText } from '../components/common-text.ts';
import { Logo } from '../components/logo.tsx';
import { Empty } from '../components/states.tsx';
import { useText } from '../components/use-text.ts';

export default function NotFound(): ReactNode {
  const t = useText(commonText);
  return (
    <div style={{ paddingTop: '20vh' }}>
      <Empty
        title={t('notFoundTitle')}
        help={t('notFoundHelp')}
        picture={<Logo size={44} />}
        action={
          <Link href="/" tabIndex={-1}>
            <Button>{t('backToOverview')}</Button>
          </Link>
        }
      />
    </div>
  );
}
