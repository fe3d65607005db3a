import type { Logger } from '@skyarc/lib/log';
import { Follower } from './follower.ts';
import { hasTable, nft } from './nft.ts';
import {
  renderChange,
  renderService,
  renderTable,
  type LoadedService,
  type RulesetOptions,
} from './ruleset.ts';
import type { ServicePort } from './services.ts';

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
  private loaded: ReadonlyMap<string, LoadedService> | undefined;

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
    const wanted = new Map(
      this.resolve().flatMap((service) => [renderService(service) ?? []].filter(isEntry)),
    );
    const script = this.loaded
      ? renderChange(this.options.instance, this.loaded, wanted)
      : renderTable(this.options, wanted);
    if (script !== '') await nft(script);
    this.loaded = wanted;
  }
}

function isEntry(entry: [] | [string, LoadedService]): entry is [string, LoadedService] {
  return entry.length === 2;
}
