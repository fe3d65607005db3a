import { AppError, messageOf } from '@skyarc/lib/errors';
import type { Logger } from '@skyarc/lib/log';
import { run } from '@skyarc/lib/process';
import { backoffMs, sleep } from '@skyarc/lib/retry';
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
  private readonly stopping = new AbortController();
  /** What the kernel has; undefined when that is not known: load everything. */
  private loaded: ReadonlyMap<string, LoadedService> | undefined;
  private isStale = false;
  private running: Promise<void> | undefined;

  constructor(options: RulesetOptions, resolve: () => readonly ServicePort[], log: Logger) {
    this.options = options;
    this.resolve = resolve;
    this.log = log;
  }

  /** Something has changed: load it soon. Calls that come meanwhile are one change. */
  update(): void {
    this.isStale = true;
    this.running ??= this.follow().finally(() => (this.running = undefined));
  }

  /** Loads everything anew when somebody else has removed the table. */
  async repair(): Promise<void> {
    const { code } = await run('nft', ['list', 'chain', 'ip', this.options.instance, 'prerouting']);
    if (code === 0 || this.stopping.signal.aborted) return;
    this.log.warn({ table: this.options.instance }, 'service rules were removed, loading them again');
    await this.reload();
  }

  /** Loads everything anew, as at the start or when somebody else has changed the table. */
  async reload(): Promise<void> {
    this.loaded = undefined;
    this.update();
    await this.running;
  }

  /** Ends the following; the rules stay. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async follow(): Promise<void> {
    const { signal } = this.stopping;
    for (let failures = 0; this.isStale && !signal.aborted;) {
      this.isStale = false;
      try {
        await this.load();
        failures = 0;
      } catch (error) {
        failures += 1;
        this.loaded = undefined;
        this.isStale = true;
        this.log.warn({ reason: messageOf(error) }, 'cannot load service rules, will retry');
        await sleep(backoffMs(failures, 100, 5_000), signal).catch(() => undefined);
      }
    }
  }

  private async load(): Promise<void> {
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

/** Removes the instance's table with all its rules; no effect when there is none. */
export async function removeRules(instance: string): Promise<void> {
  await nft(`table ip ${instance}\ndelete table ip ${instance}\n`);
}

async function nft(script: string): Promise<void> {
  const { code, stderr } = await run('nft', ['-f', '-'], { input: script, timeoutMs: 10_000 });
  if (code !== 0) throw new AppError('INTERNAL', `nft refused a change: ${stderr.trim().slice(0, 500)}`);
}
