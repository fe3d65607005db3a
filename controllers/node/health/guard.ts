import type { NodeServiceState } from '@skyarc/lib/contracts';
import { messageOf } from '@skyarc/lib/errors';
import type { Logger } from '@skyarc/lib/log';
import { listPresent, type PresentService } from '@skyarc/lib/presence';
import { identityOf } from '@skyarc/lib/process';
import { repeat } from '@skyarc/lib/retry';
import { type ServiceConfig, serviceConfigSchema } from './config.ts';
import { Guardian } from './guardian.ts';
import type { HealthRecord } from './record.ts';

export interface GuardOptions {
  /** Services that are looked after whatever happens. */
  readonly services: readonly ServiceConfig[];
  /** Where services say that they are here; they are looked after until they take it back. */
  readonly folder: string | undefined;
  /** Our own status server, which can only be silent when we are, too. */
  readonly ownUrl: string;
  readonly record: HealthRecord;
  readonly log: Logger;
}

interface Post {
  readonly guardian: Guardian;
  readonly leaving: AbortController;
  readonly watching: Promise<void>;
}

const lookEveryMs = 2_000;

/** A guardian for each service of the machine. */
export class Guard {
  private readonly options: GuardOptions;
  private readonly posts = new Map<string, Post>();

  constructor(options: GuardOptions) {
    this.options = options;
  }

  get states(): NodeServiceState[] {
    return [...this.posts.values()].map(({ guardian }) => guardian.state);
  }

  async run(signal: AbortSignal): Promise<void> {
    await repeat(() => this.settle(), {
      everyMs: lookEveryMs,
      signal,
      onError: (error) =>
        this.options.log.warn({ reason: messageOf(error) }, 'cannot see which services are here'),
    });
    await Promise.all([...this.posts.keys()].map((name) => this.leave(name)));
  }

  /** A guardian for who is new, another configuration for a successor, and none for who has gone. */
  private async settle(): Promise<void> {
    const { services, record, log } = this.options;
    const wanted = new Map([...(await this.present()), ...services].map((one) => [one.name, one]));
    await Promise.all(
      [...this.posts.keys()].filter((name) => !wanted.has(name)).map((name) => this.leave(name)),
    );
    for (const [name, config] of wanted) {
      const post = this.posts.get(name);
      if (post) post.guardian.config = config;
      else this.posts.set(name, postOf(new Guardian(config, record, log)));
    }
  }

  private async present(): Promise<ServiceConfig[]> {
    const { folder, ownUrl } = this.options;
    if (folder === undefined) return [];
    const own = await identityOf(process.pid);
    return (await listPresent(folder)).filter(({ url }) => url !== ownUrl).map((one) => configOf(one, own));
  }

  private async leave(name: string): Promise<void> {
    const post = this.posts.get(name);
    this.posts.delete(name);
    post?.leaving.abort();
    await post?.watching;
  }
}

function postOf(guardian: Guardian): Post {
  const leaving = new AbortController();
  return { guardian, leaving, watching: guardian.watch(leaving.signal) };
}

/** Who lives in our own process is never silent before we are: then its supervisor ends both. */
function configOf({ name, url, process }: PresentService, own: string): ServiceConfig {
  return serviceConfigSchema.parse({
    name,
    check: { by: 'http', url: `${url}/healthz` },
    ...(process === own ? {} : { restart: { by: 'end', process } }),
  });
}
