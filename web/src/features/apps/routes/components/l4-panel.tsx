'use client';

import { TeamL4PortsDocument } from '@skyarc/sdk';
import type { AppFieldsFragment, L4RouteInput } from '@skyarc/sdk';
import type { ReactNode } from 'react';
import { adaptAction, useQuery } from '../../../../components/api.ts';
import { optionsOf, RecordPanel } from '../../../../components/record-form/index.ts';
import { useText } from '../../../../components/use-text.ts';
import { useUpdateApp } from '../../hooks/use-update-app.ts';
import { useTeam } from '../../../teams/index.ts';
import { routeText } from '../text.ts';

interface Ports {
  readonly l4Routes: readonly L4RouteInput[];
}

/** Ports of the gateway that lead to the app. */
export function L4Panel({ app }: { readonly app: AppFieldsFragment }): ReactNode {
  const t = useText(routeText);
  const { team, mayDevelop } = useTeam();
  const known = useQuery(TeamL4PortsDocument, { name: team.name, dataCenter: app.dataCenter.name });
  const update = useUpdateApp(app.id);
  const range = known.data?.team?.l4Ports;
  const first = app.ports.find(({ protocol }) => protocol === 'TCP' || protocol === 'UDP');
  return (
    <RecordPanel<Ports>
      title={t('l4')}
      hint={range && t('l4Hint', { first: range.first, last: range.last })}
      fields={[
        {
          kind: 'rows',
          key: 'l4Routes',
          label: t('l4'),
          isAlone: true,
          add: t('addL4'),
          empty: {
            protocol: first?.protocol === 'UDP' ? 'UDP' : 'TCP',
            listenPort: null,
            port: first?.port ?? app.ports[0]?.port ?? null,
          },
          fields: [
            {
              kind: 'choice',
              key: 'protocol',
              label: t('protocol'),
              options: optionsOf(['TCP', 'UDP']),
            },
            {
              kind: 'number',
              key: 'listenPort',
              label: t('listenPort'),
              min: range?.first ?? 1,
              max: range?.last ?? 65_535,
              placeholder: t('nextFree', { n: range?.nextTcp ?? '–' }),
            },
            { kind: 'number', key: 'port', label: t('port'), min: 1, max: 65_535 },
          ],
        },
      ]}
      value={{
        l4Routes: app.l4Routes.map(({ protocol, listenPort, port }) => ({ protocol, listenPort, port })),
      }}
      action={adaptAction(update, ({ l4Routes }: Ports) => ({ l4Routes: [...l4Routes] }), known.reload)}
      testId="l4"
      editable={mayDevelop}
    >
      {app.l4Routes.length === 0 ? (
        <p className="faint" style={{ marginTop: 10 }}>
          {t('noL4')}
        </p>
      ) : (
        <ul style={{ marginTop: 12 }}>
          {app.l4Routes.map(({ id, protocol, address, port }) => (
            <li key={id}>
              <code data-testid="l4-address">{address}</code>{' '}
              <span className="faint">
                {protocol} → {port}
              </span>
            </li>
          ))}
        </ul>
      )}
    </RecordPanel>
  );
}
