'use client';

import { AntdRegistry } from '@ant-design/nextjs-registry';
import { App, ConfigProvider } from 'antd';
import enUS from 'antd/locale/en_US';
import zhCN from 'antd/locale/zh_CN';
import type { ReactNode } from 'react';
import { Boot } from './boot.tsx';
import { PreferencesProvider, usePreferences } from './preferences.tsx';
import { antTheme } from './theme.ts';
import { useStill } from './use-still.ts';

function Themed({ children }: { readonly children: ReactNode }): ReactNode {
  const { theme, language } = usePreferences();
  return (
    <ConfigProvider
      theme={antTheme(theme, { isStill: useStill() })}
      locale={language === 'zh' ? zhCN : enUS}
      button={{ autoInsertSpace: false }}
    >
      <App component={false} notification={{ placement: 'bottomRight' }}>
        {children}
      </App>
    </ConfigProvider>
  );
}

/** Theme, language and Ant Design around every page. */
export function Providers({ children }: { readonly children: ReactNode }): ReactNode {
  return (
    <AntdRegistry>
      <PreferencesProvider fallback={<Boot />}>
        <Themed>{children}</Themed>
      </PreferencesProvider>
    </AntdRegistry>
  );
}
