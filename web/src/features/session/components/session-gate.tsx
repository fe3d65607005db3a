'use client';

import { usePathname, useRouter } from 'next/navigation';
import { useEffect, useMemo } from 'react';
import type { ReactNode } from 'react';
import { Button } from 'antd';
import { api, forgetAnswers, onStranger } from '../../../components/api.ts';
import { Boot } from '../../../components/boot.tsx';
import { commonText } from '../../../components/common-text.ts';
import { Note } from '../../../components/note.tsx';
import { useText } from '../../../components/use-text.ts';
import { SessionProvider, useViewerQuery } from '../hooks/use-session.tsx';
import { sessionText } from '../text.ts';

/** Lets in who is logged in; sends others to log in, or to claim a new installation, and back afterwards. */
export function SessionGate({ children }: { readonly children: ReactNode }): ReactNode {
  const t = useText(sessionText);
  const common = useText(commonText);
  const router = useRouter();
  const path = usePathname();
  const { data, error, reload } = useViewerQuery();
  const viewer = data?.viewer;
  const stranger = data?.viewer === null || error?.code === 'UNAUTHENTICATED';

  useEffect(() => onStranger(() => void reload()), [reload]);

  useEffect(() => {
    if (!stranger) return;
    forgetAnswers();
    const next = encodeURIComponent(path + location.search);
    void api()
      .account.installation()
      .then(({ claimed }) => router.replace(claimed ? `/login?next=${next}` : '/claim'))
      .catch(() => router.replace(`/login?next=${next}`));
  }, [stranger, path, router]);

  const session = useMemo(() => (viewer ? { viewer, reload } : null), [viewer, reload]);
  if (session && !stranger) return <SessionProvider session={session}>{children}</SessionProvider>;
  if (error && !stranger) {
    return (
      <div style={{ maxWidth: 520, margin: '18vh auto', padding: 16 }}>
        <Note
          kind="error"
          title={t('unreachable')}
          action={<Button onClick={() => void reload()}>{common('retry')}</Button>}
        >
          {error.message}
        </Note>
      </div>
    );
  }
  return <Boot />;
}
