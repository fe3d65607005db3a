import { messageOf } from '@skyarc/lib/errors';
import type { Logger } from '@skyarc/lib/log';
import { readAffinity } from './affinity.ts';
import { endStaleFlows } from './conntrack.ts';
import { Follower } from './follower.ts';
import { openLoopback } from './loopback.ts';
import { hasTable, nft } from './nft.ts';
import { renderServices, renderTable, type RulesetOptions } from './ruleset.ts';
import type { ServicePort } from './services.ts';
import { renderTableChange, type TableModel } from './table.ts';

interface Loaded {
  readonly services: readonly ServicePort[];
  readonly model: TableModel;
}

/**
 * Keeps the kernel's service translation equal to what `resolve` says. It works in the kernel alone, so
 * that it goes on while this process is away.
 */
export class ServiceProxy {
  private readonly options: RulesetOptions;
  private readonly resolve: () => readonly ServicePort[];
  private readonly log: Logger;
  private readonly follower: Follower;
  /** What the kernel has; undefined when that is not known: load everything. */
  private loaded: Loaded | undefined;

  constructor(options: RulesetOptions, resolve: () => readonly ServicePort[], log: Logger) {
    this.options = options;
    this.resolve = resolve;
    this.log = log;
    this.follower = new Follower('service rules', (afterFailure) => this.load(afterFailure), log);
  }

  /** Something has changed: load it soon. Calls that come meanwhile are one change. */
  update(): void {
    this.follower.update();
  }

  /** Resolves when the kernel has what is known now. */
  updated(): Promise<void> {
    return this.follower.updated();
  }

  /** Loads everything anew when somebody else has removed the table. */
  async repair(): Promise<void> {
    if (this.follower.isStopped || (await hasTable(this.options.instance))) return;
    this.log.warn({ table: this.options.instance }, 'service rules were removed, loading them again');
    this.loaded = undefined;
    await this.updated();
  }

  /** Ends the following; the rules stay. */
  stop(): Promise<void> {
    return this.follower.stop();
  }

  private async load(afterFailure: boolean): Promise<void> {
    if (afterFailure) this.loaded = undefined;
    const { instance } = this.options;
    const services = this.resolve();
    const model = renderServices(services);
    const before = this.loaded;
    const script = before
      ? renderTableChange(instance, before.model, model)
      : `${renderTable(this.options, model)}${await readAffinity(instance, model)}`;
    if (script !== '') await nft(script);
    this.loaded = { services, model };
    if (script !== '') await this.tidy(before?.services, services);
  }

  /** What goes beside the rules; a failure of it is told, and costs no rule. */
  private async tidy(
    before: readonly ServicePort[] | undefined,
    after: readonly ServicePort[],
  ): Promise<void> {
    const { instance, nodePortAddresses } = this.options;
    const onNode = after.filter(({ clusterIp }) => clusterIp === undefined);
    const isOnLoopback = nodePortAddresses.some((network) => /^(127|0)\./.test(network));
    try {
      if (isOnLoopback) {
        const targets = onNode.flatMap(({ endpoints }) => endpoints.map(({ address }) => address));
        await openLoopback(instance, [...new Set(targets)]);
      }
      await endStaleFlows(before, after);
    } catch (error) {
      this.log.warn({ reason: messageOf(error) }, 'cannot end old UDP flows or open node ports on loopback');
    }
  }
}
