'use client';

import { App } from 'antd';
import { useEffect } from 'react';
import { useRouter } from 'next/navigation';
import { commonText } from './common-text.ts';
import { useText } from './use-text.ts';

/** While `dirty`, asks before a link or the browser leaves the page. */
export function useUnsavedGuard(dirty: boolean): void {
  const { modal } = App.useApp();
  const router = useRouter();
  const t = useText(commonText);
  useEffect(() => {
    if (!dirty) return;
    const onUnload = (event: BeforeUnloadEvent): void => event.preventDefault();
    const onClick = (event: MouseEvent): void => {
      const link = event.target instanceof Element ? event.target.closest('a') : null;
      if (!link || link.target === '_blank' || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      event.stopPropagation();
      const { pathname, search } = new URL(link.href);
      modal.confirm({
        title: t('unsavedTitle'),
        content: t('unsavedBody'),
        okText: t('leave'),
        cancelText: t('stay'),
        onOk: () => router.push(pathname + search),
      });
    };
    window.addEventListener('beforeunload', onUnload);
    document.addEventListener('click', onClick, true);
    return () => {
      window.removeEventListener('beforeunload', onUnload);
      document.removeEventListener('click', onClick, true);
    };
  }, [dirty, modal, router, t]);
}
