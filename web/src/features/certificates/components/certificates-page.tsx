'use client';

import { App, Button, Modal } from 'antd';
import { TeamCertificatesDocument } from '@skyarc/sdk';
import type { CertificateFieldsFragment } from '@skyarc/sdk';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { api, useAction, useQuery } from '../../../components/api.ts';
import { DataList } from '../../../components/data-list.tsx';
import { ErrorNote } from '../../../components/note.tsx';
import { Page } from '../../../components/page.tsx';
import { Panel } from '../../../components/panel.tsx';
import { Empty, Loaded } from '../../../components/states.tsx';
import { RelativeTime } from '../../../components/time.tsx';
import { useText } from '../../../components/use-text.ts';
import { useTeam } from '../../teams/index.ts';
import { certificateText } from '../text.ts';
import { CertificateForm } from './certificate-form.tsx';

type Certificate = CertificateFieldsFragment;

const refreshMs = 3_000;
const colors: Readonly<Record<Certificate['status'], string>> = {
  VALID: 'var(--green)',
  PENDING: 'var(--amber)',
  FAILED: 'var(--red)',
  EXPIRED: 'var(--red)',
};

/** The team's certificates: uploaded ones and those that renew themselves. */
export function CertificatesPage(): ReactNode {
  const t = useText(certificateText);
  const { team, mayDevelop } = useTeam();
  const state = useQuery(TeamCertificatesDocument, { name: team.name }, { refreshMs });
  const [making, setMaking] = useState<'upload' | 'order'>();
  return (
    <Page
      title={t('title')}
      subtitle={t('subtitle')}
      actions={
        mayDevelop && (
          <>
            <Button onClick={() => setMaking('upload')} data-testid="certificate-upload">
              {t('upload')}
            </Button>
            <Button type="primary" onClick={() => setMaking('order')} data-testid="certificate-order">
              {t('order')}
            </Button>
          </>
        )
      }
    >
      <Panel flush>
        <Loaded state={state} rows={5}>
          {(data) =>
            (data.team?.certificates ?? []).length === 0 ? (
              <Empty title={t('none')} help={t('noneHelp')} />
            ) : (
              <Certificates certificates={data.team?.certificates ?? []} reload={state.reload} />
            )
          }
        </Loaded>
      </Panel>
      <Modal
        open={making !== undefined}
        title={making && t(making)}
        footer={null}
        width={640}
        destroyOnHidden
        onCancel={() => setMaking(undefined)}
      >
        {making && (
          <CertificateForm
            kind={making}
            onDone={() => {
              setMaking(undefined);
              void state.reload();
            }}
          />
        )}
      </Modal>
    </Page>
  );
}

interface CertificatesProps {
  readonly certificates: readonly Certificate[];
  readonly reload: () => Promise<void>;
}

function Certificates({ certificates, reload }: CertificatesProps): ReactNode {
  const t = useText(certificateText);
  const { mayDevelop } = useTeam();
  const { modal } = App.useApp();
  const renew = useAction(async (id: string) => {
    await api().certificates.renew(id);
    await reload();
  });
  const remove = useAction(async (id: string) => {
    await api().certificates.delete(id);
    await reload();
  });
  const ask = ({ id, name }: Certificate): void => {
    modal.confirm({
      title: t('removeTitle', { name }),
      content: t('removeBody'),
      okText: t('remove'),
      okButtonProps: { danger: true },
      cancelText: t('cancel'),
      onOk: async () => await remove.run(id),
    });
  };
  return (
    <>
      <ErrorNote error={renew.error ?? remove.error} title={t('notDone')} />
      <DataList
        label={t('title')}
        items={certificates}
        keyOf={({ id }) => id}
        columns={[
          {
            key: 'name',
            title: t('name'),
            render: ({ name, source }) => (
              <>
                <strong style={{ fontWeight: 560 }}>{name}</strong>
                <div className="faint small">{source === 'ACME' ? t('automatic') : t('uploaded')}</div>
              </>
            ),
          },
          {
            key: 'hosts',
            title: t('hosts'),
            render: ({ hosts }) => (
              <span style={{ overflowWrap: 'break-word' }}>
                {hosts.slice(0, 5).join(', ')}
                {hosts.length > 5 && ` +${hosts.length - 5}`}
              </span>
            ),
          },
          {
            key: 'issuer',
            title: t('issuer'),
            render: ({ issuer }) => <span className="soft">{issuer}</span>,
          },
          {
            key: 'until',
            title: t('until'),
            width: 140,
            render: ({ notAfter, expiresSoon }) => (
              <span style={expiresSoon ? { color: 'var(--red)' } : {}}>
                {notAfter ? <RelativeTime at={notAfter} /> : '–'}
                {expiresSoon && <div className="small">{t('expiresSoon')}</div>}
              </span>
            ),
          },
          {
            key: 'state',
            title: t('state'),
            render: ({ status, message }) => (
              <>
                <span style={{ color: colors[status], fontWeight: 550 }}>{t(status)}</span>
                {message && <div className="soft small">{message}</div>}
              </>
            ),
          },
          {
            key: 'act',
            title: '',
            align: 'right',
            width: 190,
            render: (certificate) =>
              mayDevelop && (
                <span className="row" style={{ justifyContent: 'flex-end' }}>
                  {certificate.source === 'ACME' && (
                    <Button size="small" disabled={renew.busy} onClick={() => void renew.run(certificate.id)}>
                      {t('renew')}
                    </Button>
                  )}
                  <Button size="small" type="text" danger onClick={() => ask(certificate)}>
                    {t('remove')}
                  </Button>
                </span>
              ),
          },
        ]}
      />
    </>
  );
}
