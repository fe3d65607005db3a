import type { MetricsFieldsFragment } from '@skyarc/sdk';
import type { Palette } from '../../components/palette.ts';

export type Marker = MetricsFieldsFragment['markers'][number];

/** Operations that bring another version to the pods. */
const deploys = new Set(['DEPLOY', 'UPGRADE', 'ROLLBACK', 'GREY_START', 'GREY_PROMOTE', 'GREY_ABORT']);

export function isDeploy({ kind }: Marker): boolean {
  return deploys.has(kind);
}

/** Deploys stand out, and what failed more so. */
export function colorOf(marker: Marker): keyof Palette {
  if (marker.status === 'FAILED') return 'red';
  return isDeploy(marker) ? 'green' : 'inkFaint';
}
