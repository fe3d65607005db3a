import type { AlertingRule, RuleGroup, Severity } from './rule.ts';

type Row = readonly [
  alert: string,
  severity: Severity,
  forSec: number,
  expr: string,
  summary: string,
  keepFiringSec?: number,
];

const group = (name: string, rows: readonly Row[]): RuleGroup => ({
  name,
  rules: rows.map(([alert, severity, forSec, expr, summary, keepFiringSec]): AlertingRule => ({
    alert,
    severity,
    forSec,
    expr,
    summary,
    ...(keepFiringSec === undefined ? {} : { keepFiringSec }),
  })),
});

const app = 'namespace, app, app_name, team';
/** The worst of an app's pods: one alert tells of all of them. */
const ofApp = (expr: string) =>
  `max by (${app}) ((${expr}) * on (namespace, pod) group_left (app, app_name, team) skyarc_pod_info{app!=""})`;
/** The same for what the gateway counts by Ingress. */
const byIngress = (expr: string) =>
  `max by (${app}) ((${expr}) * on (namespace, ingress) group_left (app, app_name, team) skyarc_ingress_info{app!=""})`;

/** Always fires: when it stops coming, alerts do not come either. */
const watchdog = group('watchdog', [
  ['Watchdog', 'info', 0, 'vector(1)', 'Alerts are evaluated and delivered'],
]);

const apps = group('apps', [
  [
    'AppCrashLooping',
    'critical',
    0,
    ofApp(
      'max by (namespace, pod) (kube_pod_container_status_waiting_reason{reason="CrashLoopBackOff"} > 0 and on (namespace, pod, container) kube_pod_container_status_restarts_total > 1)',
    ),
    'App {{ $labels.app_name }} crashes again and again',
    // A container that waits to be started again is running now and then.
    180,
  ],
  [
    'AppRestarting',
    'warning',
    120,
    // What crashed again and again has been told.
    `${ofApp('sum by (namespace, pod) (increase(kube_pod_container_status_restarts_total[10m])) > 2')} unless on (app) max_over_time(ALERTS{alertname="AppCrashLooping", alertstate="firing"}[10m])`,
    'App {{ $labels.app_name }} was restarted {{ $value | printf "%.0f" }} times in 10 minutes',
  ],
  [
    'AppOutOfMemory',
    'warning',
    0,
    ofApp('sum by (namespace, pod) (increase(container_oom_events_total[10m])) > 0'),
    'App {{ $labels.app_name }} was ended for want of memory; give it more',
  ],
  [
    'AppNotReady',
    'critical',
    300,
    'skyarc_app_replicas_ready < skyarc_app_replicas_desired',
    'App {{ $labels.app_name }} has {{ $value | printf "%.0f" }} ready pods, which is less than it should have',
  ],
  [
    'AppPodPending',
    'warning',
    600,
    ofApp('max by (namespace, pod) (kube_pod_status_phase{phase="Pending"}) > 0'),
    'A pod of app {{ $labels.app_name }} has waited for 10 minutes to be started',
  ],
  [
    'AppMemoryNearLimit',
    'warning',
    300,
    ofApp(
      'max by (namespace, pod) (container_memory_working_set_bytes{container!=""} / (container_spec_memory_limit_bytes{container!=""} > 0)) > 0.95',
    ),
    'App {{ $labels.app_name }} uses {{ $value | humanizePercentage }} of its memory',
  ],
  [
    'AppCpuThrottled',
    'info',
    900,
    ofApp(
      'sum by (namespace, pod) (rate(container_cpu_cfs_throttled_periods_total[5m])) / (sum by (namespace, pod) (rate(container_cpu_cfs_periods_total[5m])) > 0) > 0.5',
    ),
    'App {{ $labels.app_name }} is held back by its CPU limit',
  ],
  [
    'AppErrors',
    'critical',
    120,
    byIngress(
      '(sum by (namespace, ingress) (rate(skyarc_gateway_requests_total{code="5xx"}[5m])) / (sum by (namespace, ingress) (rate(skyarc_gateway_requests_total[5m])) > 0.05)) > 0.05',
    ),
    '{{ $value | humanizePercentage }} of the requests to app {{ $labels.app_name }} fail (5xx)',
  ],
  [
    'AppSlow',
    'warning',
    300,
    byIngress(
      '(histogram_quantile(0.95, sum by (namespace, ingress, le) (rate(skyarc_gateway_request_duration_seconds_bucket[5m]))) > 2) and on (namespace, ingress) (sum by (namespace, ingress) (rate(skyarc_gateway_requests_total[5m])) > 0.05)',
    ),
    'One request of twenty to app {{ $labels.app_name }} takes longer than {{ $value | humanizeDuration }}',
  ],
  [
    'AppMetricsDown',
    'warning',
    300,
    'up{job="apps"} == 0',
    'The metrics of pod {{ $labels.pod }} do not answer',
  ],
  ['JobFailed', 'warning', 0, 'skyarc_job_failed_runs > 0', 'A run of {{ $labels.app_name }} failed'],
]);

const volumes = group('volumes', [
  [
    'VolumeFilling',
    'warning',
    300,
    'skyarc_volume_used_bytes / (skyarc_volume_capacity_bytes > 0) > 0.85',
    'Volume {{ $labels.volume }} of app {{ $labels.app_name }} is {{ $value | humanizePercentage }} full',
  ],
  [
    'VolumeFull',
    'critical',
    60,
    'skyarc_volume_used_bytes / (skyarc_volume_capacity_bytes > 0) > 0.97',
    'Volume {{ $labels.volume }} of app {{ $labels.app_name }} is {{ $value | humanizePercentage }} full',
  ],
  [
    'VolumeNotBound',
    'warning',
    300,
    'kube_persistentvolumeclaim_status_phase{phase!="Bound"} > 0',
    'Volume claim {{ $labels.persistentvolumeclaim }} is {{ $labels.phase }}',
  ],
]);

const certificates = group('certificates', [
  [
    'CertificateExpires',
    'warning',
    0,
    'skyarc_certificate_expiry_seconds - time() < 14 * 86400',
    'Certificate {{ $labels.name }} ends in less than {{ $value | humanizeDuration }}',
  ],
  [
    'CertificateExpired',
    'critical',
    0,
    'skyarc_certificate_expiry_seconds - time() < 86400',
    'Certificate {{ $labels.name }} ends within a day or has ended',
  ],
]);

const nodes = group('nodes', [
  [
    'NodeNotReady',
    'critical',
    60,
    'kube_node_status_condition{condition="Ready", status="true"} == 0',
    'Node {{ $labels.node }} is not ready',
  ],
  [
    'NodeOffline',
    'critical',
    0,
    // What Kubernetes says of its own nodes is told already.
    'skyarc_node_offline == 1 unless on (node) kube_node_status_condition{condition="Ready", status="true"} == 0',
    'Machine {{ $labels.node }} is offline: nothing is heard of its agent',
  ],
  [
    'NodePressure',
    'warning',
    60,
    'kube_node_status_condition{condition=~".+Pressure", status="true"} == 1',
    'Node {{ $labels.node }} has {{ $labels.condition }}',
  ],
  [
    'NodeCpuHigh',
    'warning',
    900,
    '1 - avg by (node) (rate(node_cpu_seconds_total{mode="idle"}[5m])) > 0.9',
    'The processors of node {{ $labels.node }} are {{ $value | humanizePercentage }} busy',
  ],
  [
    'NodeLoadHigh',
    'warning',
    900,
    'max by (node) (node_load5) / on (node) count by (node) (node_cpu_seconds_total{mode="idle"}) > 3',
    'Node {{ $labels.node }} has {{ $value | printf "%.1f" }} times as much to do as it has processors',
  ],
  [
    'NodeMemoryHigh',
    'warning',
    300,
    '1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes > 0.9',
    'The memory of node {{ $labels.node }} is {{ $value | humanizePercentage }} in use',
  ],
  [
    'DiskFilling',
    'warning',
    600,
    '(1 - node_filesystem_avail_bytes / (node_filesystem_size_bytes > 0) > 0.6) and predict_linear(node_filesystem_avail_bytes[6h], 24 * 3600) < 0 and node_filesystem_avail_bytes offset 1h > 0',
    'Disk {{ $labels.mountpoint }} of node {{ $labels.node }} will be full within a day',
  ],
  [
    'DiskAlmostFull',
    'critical',
    120,
    '1 - node_filesystem_avail_bytes / (node_filesystem_size_bytes > 0) > 0.92',
    'Disk {{ $labels.mountpoint }} of node {{ $labels.node }} is {{ $value | humanizePercentage }} full',
  ],
  [
    'InodesAlmostUsed',
    'warning',
    300,
    '1 - node_filesystem_files_free / (node_filesystem_files > 0) > 0.9',
    'Disk {{ $labels.mountpoint }} of node {{ $labels.node }} has almost no inodes left',
  ],
  [
    'ClockOff',
    'warning',
    600,
    'abs(node_timex_offset_seconds) > 0.5',
    'The clock of node {{ $labels.node }} is off by {{ $value | humanizeDuration }}',
  ],
]);

const services = group('services', [
  ['ServiceDown', 'critical', 60, 'up{job="services"} == 0', 'Service {{ $labels.service }} does not answer'],
  ['EngineDown', 'critical', 60, 'up{job="engines"} == 0', '{{ $labels.service }} does not answer'],
  [
    'TargetDown',
    'warning',
    120,
    'up{job=~"nodes|containers"} == 0',
    'The {{ $labels.job }} metrics of node {{ $labels.node }} do not answer',
  ],
  [
    'ServiceUnhealthy',
    'critical',
    120,
    // It is the monitor that says so, and by its own label `service`; of several monitors the worse counts.
    'label_replace(min by (exported_service) (skyarc_service_healthy) == 0, "service", "$1", "exported_service", "(.+)")',
    'Service {{ $labels.service }} says that it is not well',
  ],
  [
    'ServiceStuck',
    'warning',
    300,
    'nodejs_eventloop_lag_p99_seconds{job="services"} > 1',
    'Service {{ $labels.service }} has too much to do (event loop lags {{ $value | humanizeDuration }})',
  ],
  [
    'ApiErrors',
    'warning',
    300,
    'sum(rate(skyarc_api_operation_seconds_count{outcome="error"}[5m])) / (sum(rate(skyarc_api_operation_seconds_count[5m])) > 0.1) > 0.25',
    '{{ $value | humanizePercentage }} of the calls of the API fail',
  ],
  [
    'GatewayErrors',
    'critical',
    120,
    'sum(rate(skyarc_gateway_requests_total{code="5xx"}[5m])) / (sum(rate(skyarc_gateway_requests_total[5m])) > 0.5) > 0.2',
    '{{ $value | humanizePercentage }} of all requests at the gateway fail (5xx)',
  ],
]);

const queues = group('queues', [
  [
    'QueueGrowing',
    'warning',
    300,
    'sum by (topic, group) (skyarc_mq_waiting) > 100',
    '{{ $value | printf "%.0f" }} messages wait in topic {{ $labels.topic }}',
  ],
  [
    'DeadLetters',
    'critical',
    0,
    'max by (topic) (skyarc_mq_messages{topic=~".+[.]dead"}) > 0',
    '{{ $value | printf "%.0f" }} messages of {{ $labels.topic }} could not be handled',
  ],
  [
    'OutboxGrowing',
    'warning',
    120,
    'skyarc_outbox_tasks > 20',
    '{{ $value | printf "%.0f" }} tasks wait to be published',
  ],
]);

const engines = group('engines', [
  ['EtcdNoLeader', 'critical', 30, 'etcd_server_has_leader == 0', 'etcd has no leader'],
  [
    'EtcdLeaderChanges',
    'warning',
    0,
    'increase(etcd_server_leader_changes_seen_total[1h]) > 3',
    'etcd changed its leader {{ $value | printf "%.0f" }} times in an hour',
  ],
  [
    'EtcdDatabaseFull',
    'critical',
    60,
    'etcd_mvcc_db_total_size_in_bytes / (etcd_server_quota_backend_bytes > 0) > 0.8',
    'The file of etcd is {{ $value | humanizePercentage }} of its limit',
  ],
  [
    'EtcdSlowDisk',
    'warning',
    600,
    'histogram_quantile(0.99, sum by (instance, le) (rate(etcd_disk_wal_fsync_duration_seconds_bucket[5m]))) > 0.5',
    'The disk of etcd takes {{ $value | humanizeDuration }} for a write',
  ],
  [
    'PrometheusReloadFailed',
    'warning',
    300,
    'prometheus_config_last_reload_successful == 0',
    '{{ $labels.service }} cannot read its configuration',
  ],
  [
    'RulesFail',
    'critical',
    300,
    'increase(prometheus_rule_evaluation_failures_total[5m]) > 0',
    'Some alert rules cannot be evaluated',
  ],
  [
    'NotificationsFail',
    'critical',
    300,
    'increase(alertmanager_notifications_failed_total[5m]) > 0',
    'Some notifications cannot be delivered',
  ],
]);

/** What is watched without anybody asking for it. */
export const defaultGroups: readonly RuleGroup[] = [
  watchdog,
  apps,
  volumes,
  certificates,
  nodes,
  services,
  queues,
  engines,
];
