'use client';

import Link from 'next/link';
import type { ReactNode } from 'react';
import { commonText } from '../components/common-text.ts';
import { Empty } from '../components/states.tsx';
import { useText } from '../components/use-text.ts';

export default function NotFound(): ReactNode {
  const t = useText(commonText);
  return (
    <div style={{ paddingTop: '20vh' }}>
      <Empty
        title={t('notFoundTitle')}
        help={t('notFoundHelp')}
        action={<Link href="/">{t('backToOverview')}</Link>}
      />
    </div>
  );
}
