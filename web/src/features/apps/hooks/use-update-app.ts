'use client';

import type { UpdateAppInput } from '@skyarc/sdk';
import { App } from 'antd';
import { api, useAction } from '../../../components/api.ts';
import type { ActionState } from '../../../components/api.ts';
import { useText } from '../../../components/use-text.ts';
import { useOperations } from '../../operations/index.ts';
import { settingsText } from '../settings-text.ts';

/** Changes an app and says so; true when it was saved. */
export function useUpdateApp(id: string): ActionState<readonly [UpdateAppInput], true> {
  const t = useText(settingsText);
  const { add } = useOperations();
  const { notification } = App.useApp();
  return useAction(async (input: UpdateAppInput) => {
    const { operation } = await api().apps.update(id, input);
    if (operation) add(operation);
    notification.success({ title: operation ? t('savedRunning') : t('saved') });
    return true as const;
  });
}
