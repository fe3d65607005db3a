import { type AlertSeverity, alertSeverities } from '@skyarc/lib/contracts';
import { stringify } from 'yaml';
import type { MonitorSettings } from '../config.ts';

/** A receiver as far as alerts are led to it. */
export interface Destination {
  readonly id: string;
  readonly teamName: string | null;
  readonly kind: string;
  readonly minSeverity: string;
}

export interface NotifyAddress {
  /** Where notifications are taken; the receiver's id follows. */
  readonly url: string;
  readonly tokenFile: string;
}

/** What makes another alert of the same thing not worth telling. */
const inhibitions: readonly (readonly [source: string, targets: string, equal: readonly string[]])[] = [
  ['AppCrashLooping', 'AppRestarting|AppNotReady|AppPodPending|AppOutOfMemory|AppErrors', ['app']],
  ['AppNotReady', 'AppPodPending|AppErrors', ['app']],
  ['AppOutOfMemory', 'AppRestarting|AppMemoryNearLimit', ['app']],
  ['VolumeFull', 'VolumeFilling', ['volume', 'app']],
  ['CertificateExpired', 'CertificateExpires', ['name', 'team']],
  ['DiskAlmostFull', 'DiskFilling', ['node', 'mountpoint']],
  ['ServiceDown', 'ServiceUnhealthy|ServiceStuck', ['service']],
  ['NodeOffline', 'TargetDown|NodeMemoryHigh|NodeLoadHigh|NodeCpuHigh', ['node']],
  ['NodeNotReady', 'NodePressure|TargetDown|NodeMemoryHigh|NodeLoadHigh|NodeCpuHigh', ['node']],
];

/** Configuration of Alertmanager (https://prometheus.io/docs/alerting/0.25/configuration/). */
export function renderAlertmanager(
  config: MonitorSettings,
  destinations: readonly Destination[],
  notify: NotifyAddress,
): string {
  const { groupWaitSec, groupIntervalSec, repeatIntervalSec } = config.alertmanager;
  const watchdogEvery = Math.max(1, Math.floor(config.watchdogSec / 3));
  const own = destinations.filter(({ kind }) => kind !== 'HEARTBEAT');
  const heartbeats = destinations.filter(({ kind }) => kind === 'HEARTBEAT');
  const often = {
    group_wait: '0s',
    group_interval: `${watchdogEvery}s`,
    repeat_interval: `${watchdogEvery}s`,
  };
  const isWatchdog = ['alertname="Watchdog"'];
  return stringify({
    global: { resolve_timeout: '5m' },
    route: {
      receiver: 'nobody',
      group_by: ['alertname', 'team', 'app', 'node', 'service', 'rule'],
      group_wait: `${groupWaitSec}s`,
      group_interval: `${groupIntervalSec}s`,
      repeat_interval: `${repeatIntervalSec}s`,
      routes: [
        ...heartbeats.map(({ id }) => ({ receiver: id, matchers: isWatchdog, continue: true, ...often })),
        { receiver: 'watchdog', matchers: isWatchdog, ...often },
        { receiver: 'messages', continue: true },
        ...own.map(({ id, teamName, minSeverity }) => ({
          receiver: id,
          matchers: [`team=${JSON.stringify(teamName ?? '')}`, `severity=~"${severitiesFrom(minSeverity)}"`],
          continue: true,
        })),
      ],
    },
    inhibit_rules: inhibitions.map(([source, targets, equal]) => ({
      source_matchers: [`alertname="${source}"`],
      target_matchers: [`alertname=~"${targets}"`],
      equal,
    })),
    receivers: [
      { name: 'nobody' },
      ...['watchdog', 'messages', ...destinations.map(({ id }) => id)].map((name) => ({
        name,
        webhook_configs: [
          {
            url: `${notify.url}/${name}`,
            send_resolved: name !== 'watchdog',
            http_config: { authorization: { credentials_file: notify.tokenFile } },
          },
        ],
      })),
    ],
  });
}

function severitiesFrom(least: string): string {
  const from = Math.max(0, alertSeverities.indexOf(least as AlertSeverity));
  return alertSeverities.slice(from).join('|').toLowerCase();
}
