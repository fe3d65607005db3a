import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type NodeCondition,
  nodeRecordEntry,
  type NodeRecordEntry,
  type NodeReport,
  type NodeRole,
  parseStored,
} from '@skyarc/lib/contracts';
import { messageOf } from '@skyarc/lib/errors';
import type { KubeClient } from '@skyarc/lib/kube';
import type { Logger } from '@skyarc/lib/log';
import { repeat } from '@skyarc/lib/retry';
import { Cleaner } from '../cleanup/cleaner.ts';
import { Guard } from '../health/guard.ts';
import { HealthRecord } from '../health/record.ts';
import { renderConditions } from './conditions.ts';
import type { AgentConfig } from './config.ts';
import { Exporter } from './exporter.ts';
import { readMachine } from './machine.ts';
import { Registration } from './registration.ts';

export interface AgentOptions {
  readonly config: AgentConfig;
  readonly dataDir: string;
  /** Base address of our status server. */
  readonly url: string;
  readonly kube: KubeClient;
  readonly log: Logger;
}

/** One machine's agent: looks after its services and disk, and reports with every heartbeat. */
export class NodeAgent {
  /** Why the last heartbeat failed. */
  problem: string | undefined;
  private readonly options: AgentOptions;
  private readonly record: HealthRecord;
  private readonly guard: Guard;
  private readonly exporter: Exporter | undefined;
  private readonly cleaner: Cleaner;
  private readonly registration: Registration;
  private readonly startedAt = new Date().toISOString();
  private conditions: readonly NodeCondition[] = [];
  private roles: readonly NodeRole[];

  static async create(options: AgentOptions): Promise<NodeAgent> {
    return new NodeAgent(options, await HealthRecord.open(join(options.dataDir, 'health-record.json')));
  }

  private constructor(options: AgentOptions, record: HealthRecord) {
    const { config, dataDir, url, kube, log } = options;
    this.options = options;
    this.record = record;
    this.roles = config.roles;
    const { services, servicesFolder } = config;
    this.guard = new Guard({ services, folder: servicesFolder, ownUrl: url, record, log });
    this.exporter = config.exporter && new Exporter(config.exporter, { dataDir, record, log });
    this.cleaner = new Cleaner(config.cleanup, { folder: config.diskFolder ?? dataDir, record, log });
    this.registration = new Registration(kube, config.name);
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([
      this.guard.run(signal),
      this.exporter?.run(signal),
      this.cleaner.run(signal),
      this.beat(signal),
    ]);
  }

  private beat(signal: AbortSignal): Promise<void> {
    const { config, log } = this.options;
    const report = async (): Promise<void> => {
      this.roles = await this.registration.settleRoles(config.roles);
      await this.registration.report(await this.readReport());
      this.problem = undefined;
    };
    return repeat(report, {
      everyMs: config.heartbeatMs,
      signal,
      onError: (error) => {
        if (!this.problem) log.warn({ reason: messageOf(error) }, 'cannot report');
        this.problem = `cannot report: ${messageOf(error)}`;
      },
    });
  }

  private async readReport(): Promise<NodeReport> {
    const { config, dataDir, url } = this.options;
    const machine = await readMachine(config.diskFolder ?? dataDir);
    const services = this.guard.states;
    await this.record.merge(await this.readRestarts());
    this.conditions = renderConditions(machine, services, config.pressure, this.conditions);
    return {
      name: config.name,
      at: new Date().toISOString(),
      startedAt: this.startedAt,
      heartbeatMs: config.heartbeatMs,
      roles: [...this.roles],
      url,
      exporterUrl: this.exporter?.url ?? null,
      machine,
      conditions: [...this.conditions],
      services,
      record: [...this.record.list()],
    };
  }

  /** What the supervisor of this machine's processes started again. */
  private async readRestarts(): Promise<NodeRecordEntry[]> {
    const { restartsFile } = this.options.config;
    const text = restartsFile && (await readFile(restartsFile, 'utf8').catch(() => undefined));
    return parseStored(nodeRecordEntry.array(), text) ?? [];
  }
}
