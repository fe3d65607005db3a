import { theme } from 'antd';
import type { ThemeConfig } from 'antd';
import { palettes } from './palette.ts';

export const monospace =
  'ui-monospace, "SF Mono", "Cascadia Mono", "JetBrains Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace';

/** Ant Design in Skyarc's colours; still for who wants no motion, as it would wait for ends of transitions. */
export function antTheme(name: 'light' | 'dark', { isStill }: { readonly isStill: boolean }): ThemeConfig {
  const palette = palettes[name];
  return {
    algorithm: name === 'dark' ? theme.darkAlgorithm : theme.defaultAlgorithm,
    cssVar: { key: 'skyarc' },
    hashed: false,
    token: {
      motion: !isStill,
      colorPrimary: name === 'dark' ? '#2f9aaa' : palette.petrol,
      colorInfo: palette.petrol,
      colorLink: palette.petrol,
      colorSuccess: palette.green,
      colorWarning: palette.amber,
      colorSuccessBg: palette.greenSoft,
      colorWarningBg: palette.amberSoft,
      colorErrorBg: palette.redSoft,
      colorInfoBg: palette.petrolSoft,
      colorError: name === 'dark' ? '#dd635a' : palette.red,
      colorText: palette.ink,
      colorTextSecondary: palette.inkSoft,
      colorTextDescription: palette.inkFaint,
      // Viewers read what they may not change.
      colorTextDisabled: palette.inkFaint,
      colorTextPlaceholder: palette.inkFaint,
      colorBgLayout: palette.page,
      colorBgContainer: palette.surface,
      colorBgElevated: palette.raised,
      colorBorder: palette.lineStrong,
      colorBorderSecondary: palette.line,
      colorSplit: palette.line,
      borderRadius: 7,
      borderRadiusLG: 10,
      fontFamily: 'inherit',
      fontFamilyCode: monospace,
      fontSize: 14,
      controlHeight: 34,
      wireframe: false,
      boxShadowSecondary: '0 12px 40px -12px rgb(0 0 0 / 30%), 0 2px 8px rgb(0 0 0 / 8%)',
    },
    components: {
      Button: { primaryShadow: 'none', defaultShadow: 'none', dangerShadow: 'none', fontWeight: 500 },
      Form: { itemMarginBottom: 18, verticalLabelPadding: '0 0 5px' },
      Drawer: { colorBgElevated: palette.surface },
    },
  };
}
