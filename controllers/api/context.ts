import { teamName } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';

/** For whom a call is made. */
export interface CallContext {
  /** Names of the teams that may be seen; `all` for an administrator's reads. */
  readonly teams: readonly string[] | 'all';
  /** The person, as the console layer names them. */
  readonly actor: string;
}

type Named = Readonly<Record<string, unknown>>;

/** Reads `x-skyarc-teams` and `x-skyarc-actor`. Throws INVALID when one is missing or malformed. */
export function callContextOf(headers: Named): CallContext {
  const teams = headers['x-skyarc-teams'];
  const actor = headers['x-skyarc-actor'];
  if (typeof teams !== 'string' || typeof actor !== 'string' || actor.length > 600) {
    throw new AppError(
      'INVALID',
      'Cannot tell for whom this call is: x-skyarc-teams and x-skyarc-actor are needed',
    );
  }
  return {
    teams: teams === '*' ? 'all' : teams.split(',').filter(Boolean).map(parseTeam),
    actor: decode(actor),
  };
}

/** Where-clause of the teams that may be seen. */
export function teamFilter({ teams }: CallContext): { teamName?: { in: string[] } } {
  return teams === 'all' ? {} : { teamName: { in: [...teams] } };
}

/** The one team that a change is for. Throws INVALID when the caller named none or several. */
export function theTeam({ teams }: CallContext): string {
  const [team] = teams;
  if (teams === 'all' || teams.length !== 1 || !team) {
    throw new AppError('INVALID', 'Cannot tell which team this is for: name exactly one in x-skyarc-teams');
  }
  return team;
}

function parseTeam(name: string): string {
  const parsed = teamName.safeParse(name);
  if (!parsed.success)
    throw new AppError('INVALID', 'Cannot read x-skyarc-teams: it has something that is no team name');
  return parsed.data;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text).slice(0, 200);
  } catch (cause) {
    throw new AppError('INVALID', 'Cannot read x-skyarc-actor: it is not percent-encoded', { cause });
  }
}
