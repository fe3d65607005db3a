import type { Metadata, Viewport } from 'next';
import type { ReactNode } from 'react';
import { paletteCss } from '../components/palette.ts';
import { earlyScript } from '../components/preferences.tsx';
import { Providers } from '../components/providers.tsx';
import { monospace } from '../components/theme.ts';
import './globals.css';

// Without a title: each page sets its own, which that of the metadata would come after.
export const metadata: Metadata = { description: 'From a Git URL to a running app' };
export const viewport: Viewport = { width: 'device-width', initialScale: 1, viewportFit: 'cover' };

export default function RootLayout({ children }: { readonly children: ReactNode }): ReactNode {
  return (
    <html lang="en" suppressHydrationWarning>
      <head>
        <title>Skyarc</title>
        <style dangerouslySetInnerHTML={{ __html: `${paletteCss}:root{--mono:${monospace}}` }} />
        <script dangerouslySetInnerHTML={{ __html: earlyScript }} />
      </head>
      <body>
        <Providers>{children}</Providers>
      </body>
    </html>
  );
}
