import { timingSafeEqual } from 'node:crypto';
import { AppError } from '@skyarc/lib/errors';
import type { DerivedAccounts } from '@skyarc/lib/oci';
import type { DataCenterDatabase } from '@skyarc/prisma/datacenter';
import type { Grant } from './issuer.ts';
import type { People } from './people.ts';

/** Names of the platform's own accounts; a team's nodes are `team.<team>`. */
const builder = 'chaos';
const runner = 'worker';
const self = 'hub';
const nodePrefix = 'team.';
/** Base and runtimes, which every image stands on. */
const sharedRepository = /^skyarc\/[a-z0-9-]+$/;
const appRepository = /^([a-z][a-z0-9-]*)\/([a-z][a-z0-9-]*)$/;

export interface AccessDeps {
  readonly db: DataCenterDatabase;
  readonly accounts: DerivedAccounts;
  readonly people: People | null;
  /** A sentence when the team's images take all that they may, or null. */
  readonly quotaReached: (team: string) => Promise<string | null>;
}

/** Who somebody is, by name and password. */
export type Identity =
  | { readonly kind: 'builder' | 'runner' | 'hub'; readonly subject: string }
  | { readonly kind: 'nodes' | 'person'; readonly subject: string; readonly teams: ReadonlySet<string> };

/** Finds who asks; throws UNAUTHENTICATED for a stranger. */
export async function identify(
  { accounts, people }: AccessDeps,
  login: { readonly username: string; readonly password: string },
): Promise<Identity> {
  const { username, password } = login;
  const isOurs = () => isEqual(accounts.passwordOf(username), password);
  if (username === builder && isOurs()) return { kind: 'builder', subject: username };
  if (username === runner && isOurs()) return { kind: 'runner', subject: username };
  if (username === self && isOurs()) return { kind: 'hub', subject: username };
  if (username.startsWith(nodePrefix) && isOurs()) {
    const teams = new Set([username.slice(nodePrefix.length)]);
    return { kind: 'nodes', subject: username, teams };
  }
  const teams = await people?.teamsOf(password);
  if (!teams) throw new AppError('UNAUTHENTICATED', 'Unknown account: log in with an API token as password');
  return { kind: 'person', subject: username, teams };
}

/** The part of what is asked for that the account may do. Throws EXHAUSTED for a push over the team's quota. */
export async function permit(deps: AccessDeps, who: Identity, asked: readonly Grant[]): Promise<Grant[]> {
  const granted: Grant[] = [];
  for (const { type, name, actions } of asked) {
    if (type !== 'repository') continue;
    const may = await actionsOf(deps, who, name, actions);
    const allowed = actions.filter((action) => may.includes(action));
    if (allowed.length > 0) granted.push({ type, name, actions: allowed });
  }
  return granted;
}

async function actionsOf(
  deps: AccessDeps,
  who: Identity,
  repository: string,
  asked: readonly string[],
): Promise<readonly string[]> {
  const [, team, app] = appRepository.exec(repository) ?? [];
  if (!team || !app) return [];
  const isShared = sharedRepository.test(repository);
  switch (who.kind) {
    case 'builder':
      return isShared ? ['pull', 'push'] : actionsOfBuilder(deps, { team, app }, asked);
    case 'hub':
      return ['pull', 'push', 'delete'];
    case 'runner':
      return ['pull', 'delete'];
    case 'nodes':
    case 'person':
      return isShared || who.teams.has(team) ? ['pull'] : [];
  }
}

/** The repository of an app that is being built, and nothing else of a team. */
async function actionsOfBuilder(
  { db, quotaReached }: AccessDeps,
  { team, app }: { readonly team: string; readonly app: string },
  asked: readonly string[],
): Promise<readonly string[]> {
  const build = await db.build.findFirst({
    where: { status: 'RUNNING', app: { teamName: team, name: app } },
    select: { id: true },
  });
  if (!build) return [];
  const full = asked.includes('push') ? await quotaReached(team) : null;
  if (full) throw new AppError('EXHAUSTED', full);
  return ['pull', 'push'];
}

function isEqual(expected: string, given: string): boolean {
  const [a, b] = [Buffer.from(expected), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}
