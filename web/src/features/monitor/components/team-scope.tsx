import { Segmented } from 'antd';
import type { ReactNode } from 'react';
import { useText } from '../../../components/use-text.ts';
import { useSession } from '../../session/index.ts';
import { useTeam } from '../../teams/index.ts';
import { monitorText } from '../text.ts';

export interface TeamScopeProps {
  readonly isPlatform: boolean;
  readonly onChange: (isPlatform: boolean) => void;
}

/** The team, or for administrators the whole installation. */
export function TeamScope({ isPlatform, onChange }: TeamScopeProps): ReactNode {
  const t = useText(monitorText);
  const { viewer } = useSession();
  const { team } = useTeam();
  if (!viewer.user.admin) return null;
  return (
    <Segmented
      value={isPlatform ? 'platform' : 'team'}
      options={[
        { value: 'team', label: team.name },
        { value: 'platform', label: t('platform') },
      ]}
      onChange={(value) => onChange(value === 'platform')}
    />
  );
}
