import type { ReactNode } from 'react';
import { useText } from '../../../components/use-text.ts';
import styles from '../components/apps.module.css';
import type { SourceChoice } from '../source-input.ts';
import { wizardText } from '../wizard-text.ts';

/** What an app may come from. */
export type SourceKind = SourceChoice | 'dockerRun' | 'compose' | 'templateFile';

export const sourceKinds: readonly SourceKind[] = [
  'git',
  'upload',
  'image',
  'compose',
  'dockerRun',
  'svn',
  'template',
  'templateFile',
  'external',
];

/** Where the app comes from. */
export function KindPicker({
  kind,
  onKind,
}: {
  readonly kind: SourceKind;
  readonly onKind: (kind: SourceKind) => void;
}): ReactNode {
  const t = useText(wizardText);
  return (
    <div className={styles['kinds']} role="radiogroup" aria-label={t('source')}>
      {sourceKinds.map((one) => (
        <button
          key={one}
          type="button"
          role="radio"
          aria-checked={one === kind}
          className={styles['choice']}
          data-testid={`source-${one}`}
          onClick={() => onKind(one)}
        >
          <strong>{t(one)}</strong>
          <span className="faint small">{t(`${one}Short`)}</span>
        </button>
      ))}
    </div>
  );
}
