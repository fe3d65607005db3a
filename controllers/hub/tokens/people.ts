import { createHash } from 'node:crypto';
import { AppError } from '@skyarc/lib/errors';
import { z } from 'zod';

const answerShape = z.object({
  data: z
    .object({ viewer: z.object({ teams: z.array(z.object({ name: z.string() })) }).nullable() })
    .nullish(),
});
const keepMs = 30_000;

/** People's API tokens, as the console knows them; an answer is good for half a minute. */
export class People {
  private readonly consoleUrl: string;
  private readonly known = new Map<
    string,
    { readonly teams: ReadonlySet<string> | null; readonly until: number }
  >();

  constructor(consoleUrl: string) {
    this.consoleUrl = consoleUrl;
  }

  /** Teams whose member the token's owner is; null for a token that is none. Throws UNAVAILABLE. */
  async teamsOf(apiToken: string): Promise<ReadonlySet<string> | null> {
    // It becomes a header: nothing else than what tokens are made of.
    if (!/^[\w.~+/=-]{16,500}$/.test(apiToken)) return null;
    const key = createHash('sha256').update(apiToken).digest('hex');
    const known = this.known.get(key);
    if (known && known.until > Date.now()) return known.teams;
    const teams = await this.ask(apiToken);
    if (this.known.size > 1_000) this.known.clear();
    this.known.set(key, { teams, until: Date.now() + keepMs });
    return teams;
  }

  private async ask(apiToken: string): Promise<ReadonlySet<string> | null> {
    const response = await fetch(this.consoleUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${apiToken}` },
      body: JSON.stringify({ query: '{ viewer { teams { name } } }' }),
      signal: AbortSignal.timeout(10_000),
    }).catch((cause: unknown) => {
      throw new AppError('UNAVAILABLE', 'The console, which knows API tokens, does not answer', { cause });
    });
    if (response.status >= 500) throw new AppError('UNAVAILABLE', 'The console cannot tell who asks now');
    const answer = answerShape.safeParse(await response.json().catch(() => null));
    const viewer = answer.data?.data?.viewer;
    return viewer ? new Set(viewer.teams.map(({ name }) => name)) : null;
  }
}
