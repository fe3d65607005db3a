import Link from 'next/link';
import type { ReactNode } from 'react';
import { palettes } from '../../../components/palette.ts';
import { usePreferences } from '../../../components/preferences.tsx';
import { RelativeTime } from '../../../components/time.tsx';
import { useText } from '../../../components/use-text.ts';
import { operationText } from '../../operations/index.ts';
import { colorOf } from '../markers.ts';
import type { Marker } from '../markers.ts';
import { monitorText } from '../text.ts';
import styles from './chart.module.css';

const most = 8;

/** What the lines across the charts are: deploys and other operations, the newest first. */
export function MarkerList({ markers }: { readonly markers: readonly Marker[] }): ReactNode {
  const t = useText(monitorText);
  const operation = useText(operationText);
  const { theme } = usePreferences();
  if (markers.length === 0) return null;
  const hidden = markers.length - most;
  return (
    <ul className={styles['markers']} aria-label={t('markers')} data-testid="markers">
      {markers
        .slice(-most)
        .toReversed()
        .map((marker) => (
          <li key={marker.operationId} data-kind={marker.kind}>
            <i style={{ borderColor: palettes[theme][colorOf(marker)] }} />
            <Link href={`/app?id=${marker.appId}`}>{operation(marker.kind as 'DEPLOY')}</Link>
            <span className="faint">
              <RelativeTime at={marker.at} />
            </span>
          </li>
        ))}
      {hidden > 0 && <li className="faint">{t('moreMarkers', { n: hidden })}</li>}
    </ul>
  );
}
