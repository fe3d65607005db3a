'use client';

import { Tag } from 'antd';
import type { WebhookDeliveryFieldsFragment } from '@skyarc/sdk';
import type { ReactNode } from 'react';
import { shortCommit } from '../../../components/format.ts';
import { RelativeTime } from '../../../components/time.tsx';
import { useText } from '../../../components/use-text.ts';
import styles from '../imports/imports.module.css';
import { webhookText } from './text.ts';

const colors: Readonly<Record<WebhookDeliveryFieldsFragment['outcome'], string>> = {
  DEPLOYED: 'green',
  WAITING: 'gold',
  SUPERSEDED: 'default',
  IGNORED: 'default',
  PING: 'cyan',
  REFUSED: 'red',
  FAILED: 'red',
};

/** What a webhook was sent, newest first, and why it did what it did. */
export function Deliveries({
  deliveries,
}: {
  readonly deliveries: readonly WebhookDeliveryFieldsFragment[];
}): ReactNode {
  const t = useText(webhookText);
  if (deliveries.length === 0) return <p className="faint small">{t('noDeliveries')}</p>;
  return (
    <div className={styles['scroll']}>
      <table className={styles['apps']} aria-label={t('deliveries')}>
        <tbody>
          {deliveries.map((delivery) => (
            <tr key={delivery.id} data-testid={`delivery-${delivery.outcome}`}>
              <td style={{ whiteSpace: 'nowrap' }}>
                <RelativeTime at={delivery.receivedAt} />
              </td>
              <td>
                <Tag color={colors[delivery.outcome]}>{t(delivery.outcome)}</Tag>
              </td>
              <td>
                {delivery.commitId && <code>{shortCommit(delivery.commitId)}</code>} {delivery.branch}
                {delivery.subject && <div className="soft">{delivery.subject}</div>}
              </td>
              <td className="soft">{delivery.message}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
