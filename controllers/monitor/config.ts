import { z } from 'zod';

const port = z.int().min(1).max(65_535);
const seconds = (fallback: number) => z.int().min(1).max(86_400).default(fallback);

/** A platform service as it is scraped: `/metrics` below its base address. */
const serviceTarget = z.strictObject({ name: z.string().min(1), url: z.url() });

export const monitorConfigSchema = z.strictObject({
  /** Names this monitor among several; part of nothing on the host. */
  instance: z.string().default('monitor-0'),
  host: z.string().default('127.0.0.1'),
  /** Queries, alerts and notifications; `/metrics` and `/healthz` too. */
  port: port.default(3329),
  /** Who asks for anything but `/metrics` and `/healthz` says this. */
  token: z.string().min(16),
  /** Of this monitor alone: configuration, state and time series. */
  dataDir: z.string().startsWith('/'),
  dataCenter: z.string().default('local'),
  kubeconfig: z.string().optional(),
  prometheus: z.strictObject({
    command: z.string().default('prometheus'),
    promtool: z.string().default('promtool'),
    /** Of shard 0; the others follow. */
    port,
    /** How many share the targets. */
    shards: z.int().min(1).max(5).default(1),
    /** Of the one that evaluates rules and queries over several shards. */
    evaluatorPort: port,
    retentionDays: z.int().min(1).max(3_650).default(7),
    /** Blocks beyond so many MiB a shard are removed, the oldest first. */
    retentionMb: z.int().min(64).default(2_048),
    scrapeIntervalSec: seconds(15),
    evaluationIntervalSec: seconds(15),
    /** Soft limit of each one's memory. */
    memoryMb: z.int().min(64).default(256),
  }),
  alertmanager: z.strictObject({
    command: z.string().default('prometheus-alertmanager'),
    port,
    /** Mesh of several; absent: alone. */
    mesh: z.strictObject({ port, peers: z.array(z.string()).default([]) }).optional(),
    /** Those of other monitors, which get every alert too. */
    others: z.array(z.url()).default([]),
    /** A first notification waits so long for more of its group. */
    groupWaitSec: seconds(10),
    /** Later ones of a group come at most so often. */
    groupIntervalSec: seconds(60),
    repeatIntervalSec: seconds(14_400),
  }),
  services: z.array(serviceTarget).default([]),
  /** Where services of this machine say that they are here (lib/presence): those are scraped, too. */
  servicesFolder: z.string().startsWith('/').optional(),
  /** etcd's and other engines' own metrics: job and base address. */
  engines: z.array(serviceTarget).default([]),
  /** How metrics of pods are reached: by their addresses, or through the Kubernetes API. */
  clusterReach: z.enum(['pods', 'proxy']).default('pods'),
  /** Whether node-exporters are looked for among the pods, besides those that agents of machines report. */
  findsExporterPods: z.boolean().default(true),
  /** How long an alert must have been gone to be over: longer than an engine needs to come back. */
  keepFiringSec: seconds(60),
  /** Factor on the waiting times of default rules, for tests of seconds instead of minutes. */
  patience: z.number().min(0).max(10).default(1),
  /** The alert that always fires must have come back within; else the pipeline is told to be broken. */
  watchdogSec: seconds(300),
  /** How often records of rules, receivers and app metrics are read anew. */
  syncEveryMs: z.int().positive().default(5_000),
  /** How often shards are weighed and targets moved. */
  balanceEveryMs: z.int().positive().default(60_000),
  /** Messages are kept for so many days. */
  messageDays: z.int().min(1).default(90),
});

export type MonitorConfig = z.input<typeof monitorConfigSchema>;
export type MonitorSettings = z.output<typeof monitorConfigSchema>;
