import { stringify } from 'yaml';
import type { MonitorSettings } from '../config.ts';
import { type Job, jobs, type Target } from '../targets/target.ts';
import type { ClusterCredentials } from './credentials.ts';

interface Relabel {
  readonly source_labels?: readonly string[];
  readonly regex?: string;
  readonly target_label?: string;
  readonly replacement?: string;
  readonly action?: 'keep' | 'drop' | 'labeldrop' | 'replace';
}

const keepNames = (regex: string): Relabel => ({ source_labels: ['__name__'], regex, action: 'keep' });
const dropNames = (regex: string): Relabel => ({ source_labels: ['__name__'], regex, action: 'drop' });

/** What is kept of each level: a machine has memory for what somebody looks at. */
const metricRelabels: Readonly<Record<Job, readonly Relabel[]>> = {
  apps: [],
  containers: [
    keepNames(
      'machine_(cpu_cores|memory_bytes)|container_(cpu_usage_seconds_total|cpu_cfs_(throttled_)?periods_total|memory_(working_set_bytes|rss)|spec_memory_limit_bytes|oom_events_total|start_time_seconds|fs_usage_bytes|network_(receive|transmit)_bytes_total)',
    ),
    // cAdvisor also counts the groups around containers; only the root, which is the node, says something new.
    {
      source_labels: ['__name__', 'container', 'id'],
      regex: 'container_(cpu|memory|spec|oom|start|fs)_.*;(POD)?;/.+',
      action: 'drop',
    },
    { source_labels: ['id'], regex: '/', target_label: 'root', replacement: 'true' },
    { regex: 'id|image|name|device', action: 'labeldrop' },
  ],
  nodes: [
    keepNames(
      'node_(cpu_seconds_total|load1|load5|memory_(MemTotal|MemAvailable|SwapTotal|SwapFree)_bytes|filesystem_(size|avail|files|files_free|readonly)(_bytes)?|disk_(read_bytes|written_bytes|io_time_seconds)_total|network_(receive|transmit)_bytes_total|boot_time_seconds|time_seconds|timex_offset_seconds|filefd_(allocated|maximum))',
    ),
  ],
  services: [
    dropNames(
      'nodejs_(gc|active|handles|external|version|heap_space|heap_size_total|eventloop_lag_(min|max|mean|stddev|p50|p90|seconds)).*|process_(virtual|heap|cpu_(user|system)|start|max).*',
    ),
  ],
  engines: [
    keepNames(
      'process_(cpu_seconds_total|resident_memory_bytes|open_fds)|etcd_(server_(has_leader|leader_changes_seen_total|quota_backend_bytes|proposals_(failed_total|pending))|mvcc_db_total_size_in_bytes|disk_(wal_fsync|backend_commit)_duration_seconds_bucket)|prometheus_(config_last_reload_successful|tsdb_(head_series|wal_corruptions_total|compactions_failed_total)|rule_(evaluation_failures_total|group_iterations_missed_total)|notifications_(dropped_total|errors_total|queue_length)|target_scrape_pool_exceeded.*)|alertmanager_(alerts|silences|cluster_(members|failed_peers)|config_last_reload_successful|notifications_(total|failed_total))|registry_http_(requests_total|in_flight_requests)|registry_storage_action_seconds_count',
    ),
  ],
};

/** Files that a Prometheus of ours reads, below its folder. */
export const fileNames = {
  config: 'prometheus.yml',
  rules: 'rules.yml',
  targets: (job: Job, viaCluster: boolean) => `targets/${job}${viaCluster ? '-by-api' : ''}.json`,
} as const;

export interface ShardFiles {
  readonly credentials: ClusterCredentials;
  /** Whether it evaluates the rules. */
  readonly hasRules: boolean;
}

/** Configuration of one shard (https://prometheus.io/docs/prometheus/2.42/configuration/configuration/). */
export function renderShard(config: MonitorSettings, files: ShardFiles): string {
  return stringify({
    ...renderGlobal(config, files.hasRules),
    scrape_configs: jobs.flatMap((job) => [
      renderJob(job, false, files),
      ...(['services', 'engines'].includes(job) ? [] : [renderJob(job, true, files)]),
    ]),
  });
}

/** Configuration of the one that sees all shards. */
export function renderEvaluator(config: MonitorSettings, shardUrls: readonly string[]): string {
  return stringify({
    ...renderGlobal(config, true),
    remote_read: shardUrls.map((url) => ({
      url: `${url}/api/v1/read`,
      // Its own store has what rules record, never what shards have.
      read_recent: true,
      remote_timeout: '25s',
    })),
  });
}

/** Target groups of a job (https://prometheus.io/docs/prometheus/2.42/configuration/configuration/#file_sd_config). */
export function renderTargets(targets: readonly Target[]): string {
  const groups = targets.map(({ instance, address, scheme, path, intervalSec, labels }) => ({
    targets: [address],
    labels: {
      ...labels,
      __scheme__: scheme,
      __metrics_path__: path,
      ...(intervalSec ? intervalOf(intervalSec) : {}),
      instance,
    },
  }));
  return `${JSON.stringify(groups, null, 1)}\n`;
}

function intervalOf(intervalSec: number) {
  return { __scrape_interval__: `${intervalSec}s`, __scrape_timeout__: `${timeoutSecOf(intervalSec)}s` };
}

function timeoutSecOf(intervalSec: number): number {
  return Math.min(intervalSec, 10);
}

function renderGlobal(config: MonitorSettings, hasRules: boolean) {
  const { prometheus, alertmanager, host, dataCenter } = config;
  const alertmanagers = [`http://${host}:${alertmanager.port}`, ...alertmanager.others];
  return {
    global: {
      scrape_interval: `${prometheus.scrapeIntervalSec}s`,
      scrape_timeout: `${timeoutSecOf(prometheus.scrapeIntervalSec)}s`,
      evaluation_interval: `${prometheus.evaluationIntervalSec}s`,
    },
    ...(hasRules
      ? {
          rule_files: [fileNames.rules],
          alerting: {
            alert_relabel_configs: [{ target_label: 'data_center', replacement: dataCenter }],
            alertmanagers: alertmanagers.map((url) => {
              const { protocol, host: address, pathname } = new URL(url);
              return {
                scheme: protocol.replace(':', ''),
                path_prefix: pathname,
                static_configs: [{ targets: [address] }],
              };
            }),
          },
        }
      : {}),
  };
}

function renderJob(job: Job, viaCluster: boolean, { credentials }: ShardFiles) {
  return {
    job_name: viaCluster ? `${job}-by-api` : job,
    file_sd_configs: [{ files: [fileNames.targets(job, viaCluster)] }],
    relabel_configs: [{ target_label: 'job', replacement: job }],
    metric_relabel_configs: metricRelabels[job],
    // An app cannot fill the store, nor take another's place: its own labels give way to the target's.
    ...(job === 'apps' ? { sample_limit: 2_000, label_limit: 30, label_value_length_limit: 1_000 } : {}),
    body_size_limit: job === 'apps' ? '8MB' : '64MB',
    ...(viaCluster
      ? {
          tls_config: {
            ca_file: credentials.caFile,
            cert_file: credentials.certFile,
            key_file: credentials.keyFile,
            insecure_skip_verify: credentials.skipsVerification || undefined,
          },
          authorization: credentials.tokenFile ? { credentials_file: credentials.tokenFile } : undefined,
        }
      : {}),
  };
}
