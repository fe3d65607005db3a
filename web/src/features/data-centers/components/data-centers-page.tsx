'use client';

import { DataCentersDocument } from '@skyarc/sdk';
import type { DataCenterFieldsFragment, UpdateDataCenterInput } from '@skyarc/sdk';
import { Modal } from 'antd';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { api, useAction, useQuery } from '../../../components/api.ts';
import { Note } from '../../../components/note.tsx';
import { Page } from '../../../components/page.tsx';
import { Panel } from '../../../components/panel.tsx';
import { RecordPanel } from '../../../components/record-form/index.ts';
import { Empty, Loaded } from '../../../components/states.tsx';
import { useText } from '../../../components/use-text.ts';
import { MetricsPanel } from '../../monitor/index.ts';
import { NamesPanel } from '../../names/index.ts';
import { NodesPanel } from '../../nodes/index.ts';
import { StatusGlyph } from '../../operations/index.ts';
import { QueuesPanel } from '../../queues/index.ts';
import { QuotasPanel } from '../../quotas/index.ts';
import { useSession } from '../../session/index.ts';
import { dataCenterText } from '../text.ts';
import styles from './data-centers.module.css';

type DataCenter = DataCenterFieldsFragment;

const refreshMs = 10_000;

/** Nodes, services and rules of every data centre, for administrators. */
export function DataCentersPage(): ReactNode {
  const t = useText(dataCenterText);
  const { viewer } = useSession();
  const state = useQuery(DataCentersDocument, viewer.user.admin ? {} : null, { refreshMs });
  if (!viewer.user.admin) {
    return (
      <Page title={t('title')}>
        <Empty title={t('onlyAdmins')} />
      </Page>
    );
  }
  return (
    <Page title={t('title')} subtitle={t('subtitle')}>
      <Loaded state={state} rows={10}>
        {({ dataCenters }) =>
          dataCenters.length === 0 ? (
            <Empty title={t('none')} />
          ) : (
            dataCenters.map((dataCenter) => (
              <DataCenterView key={dataCenter.name} dataCenter={dataCenter} reload={state.reload} />
            ))
          )
        }
      </Loaded>
    </Page>
  );
}

interface DataCenterViewProps {
  readonly dataCenter: DataCenter;
  readonly reload: () => Promise<void>;
}

function DataCenterView({ dataCenter, reload }: DataCenterViewProps): ReactNode {
  const t = useText(dataCenterText);
  const { info, name, displayName } = dataCenter;
  return (
    <div className="stack" style={{ marginBottom: 28 }}>
      {info ? (
        <>
          <Panel title={displayName || name} hint={name}>
            <dl className={styles['facts']}>
              {(
                [
                  [t('version'), info.version],
                  [t('kubernetes'), info.kubernetesVersion],
                  [t('domain'), info.domain],
                  [t('gateway'), `:${info.gatewayHttpPort} / :${info.gatewayHttpsPort}`],
                ] as const
              ).map(([term, value]) => (
                <div key={term}>
                  <dt>{term}</dt>
                  <dd>{value}</dd>
                </div>
              ))}
            </dl>
          </Panel>
          <MetricsPanel subject="DATA_CENTER" dataCenter={name} />
          <Services dataCenter={name} services={info.services} />
          <NodesPanel dataCenter={name} />
        </>
      ) : (
        <Note kind="error" title={displayName || name}>
          {t('unreachable')}
        </Note>
      )}
      {dataCenter.settings && <Rules name={name} settings={dataCenter.settings} reload={reload} />}
      {info && <QuotasPanel dataCenter={name} />}
      {info && <NamesPanel dataCenter={name} />}
      {info && <QueuesPanel dataCenter={name} />}
    </div>
  );
}

interface ServicesProps {
  readonly dataCenter: string;
  readonly services: NonNullable<DataCenter['info']>['services'];
}

/** All services with their health; each opens what is measured of it. */
function Services({ dataCenter, services }: ServicesProps): ReactNode {
  const t = useText(dataCenterText);
  const [open, setOpen] = useState<string>();
  const healthy = services.filter((service) => service.healthy).length;
  return (
    <Panel flush title={t('services')} hint={t('healthy', { n: healthy, all: services.length })}>
      <ul className={styles['grid']}>
        {services.map((service) => (
          <li key={service.name} className={styles['service']} data-testid={`service-${service.name}`}>
            <StatusGlyph
              status={service.healthy ? 'SUCCEEDED' : 'FAILED'}
              label={service.healthy ? t('ok') : t('bad')}
            />
            <div>
              <button type="button" className={styles['open']} onClick={() => setOpen(service.name)}>
                {service.name}
              </button>
              {service.message && <p>{service.message}</p>}
            </div>
          </li>
        ))}
      </ul>
      <Modal
        open={open !== undefined}
        title={open}
        footer={null}
        width={900}
        destroyOnHidden
        onCancel={() => setOpen(undefined)}
      >
        {open !== undefined && <MetricsPanel subject="SERVICE" id={open} dataCenter={dataCenter} />}
      </Modal>
    </Panel>
  );
}

interface RulesProps {
  readonly name: string;
  readonly settings: NonNullable<DataCenter['settings']>;
  readonly reload: () => Promise<void>;
}

function Rules({ name, settings, reload }: RulesProps): ReactNode {
  const t = useText(dataCenterText);
  const save = useAction(async (input: UpdateDataCenterInput) => {
    // An empty text switches off; null would leave it as it is.
    const { acmeDirectoryUrl, acmeEmail } = input;
    await api().platform.updateDataCenter(name, {
      ...input,
      acmeDirectoryUrl: acmeDirectoryUrl ?? '',
      acmeEmail: acmeEmail ?? '',
    });
    await reload();
    return true;
  });
  return (
    <RecordPanel<UpdateDataCenterInput>
      title={t('settings')}
      fields={[
        {
          kind: 'switch',
          key: 'allowPrivateSources',
          label: t('privateSources'),
          help: t('privateSourcesHelp'),
        },
        {
          kind: 'number',
          key: 'cpuRequestPercent',
          label: t('cpuRequest'),
          help: t('requestHelp'),
          unit: '%',
          min: 1,
          max: 100,
        },
        {
          kind: 'number',
          key: 'memoryRequestPercent',
          label: t('memoryRequest'),
          help: t('requestHelp'),
          unit: '%',
          min: 1,
          max: 100,
        },
        {
          kind: 'text',
          key: 'acmeDirectoryUrl',
          label: t('acmeDirectory'),
          help: t('acmeHelp'),
          mono: true,
          placeholder: 'https://acme-v02.api.letsencrypt.org/directory',
        },
        { kind: 'text', key: 'acmeEmail', label: t('acmeEmail'), placeholder: 'you@example.com' },
      ]}
      value={settings}
      action={save}
      testId="rules"
      editable
    />
  );
}
