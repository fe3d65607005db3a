import type { ReactNode } from 'react';

export interface LogoProps {
  readonly size?: number;
  /** Write the name beside the sign. */
  readonly word?: boolean;
}

/** The sign: a light rising on its arc over a calm sea. */
export function Logo({ size = 28, word = false }: LogoProps): ReactNode {
  return (
    <span style={{ display: 'inline-flex', alignItems: 'center', gap: size * 0.36 }}>
      <svg width={size} height={size} viewBox="0 0 32 32" fill="none" role="img" aria-label="Skyarc">
        <path d="M4 22.5a12 12 0 0 1 24 0" stroke="var(--petrol)" strokeWidth="3" strokeLinecap="round" />
        <path
          d="M10 22.5a6 6 0 0 1 12 0"
          stroke="var(--petrol)"
          strokeOpacity=".38"
          strokeWidth="3"
          strokeLinecap="round"
        />
        <circle cx="24.1" cy="13.6" r="4.6" fill="var(--page)" />
        <circle cx="24.1" cy="13.6" r="3.1" fill="#e79a2f" />
        <path
          d="M4 27.6h24"
          stroke="var(--petrol)"
          strokeWidth="2"
          strokeLinecap="round"
          strokeOpacity=".55"
        />
      </svg>
      {word && (
        <span
          aria-hidden
          style={{ fontSize: size * 0.64, fontWeight: 660, letterSpacing: '-0.03em', color: 'var(--ink)' }}
        >
          Skyarc
        </span>
      )}
    </span>
  );
}
