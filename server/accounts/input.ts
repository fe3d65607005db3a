import { teamName } from '@skyarc/lib/contracts';
import { z } from 'zod';

const email = z
  .string()
  .trim()
  .toLowerCase()
  .max(254, 'An e-mail address has at most 254 characters')
  .regex(/^[^\s@<>"',;:\\]+@[^\s@<>"',;:\\]+$/, 'An e-mail address is like ann@example.com');
const personName = z
  .string()
  .trim()
  .min(1, 'A name is needed')
  .max(80, 'A name has at most 80 characters')
  .regex(/^\P{Cc}*$/u, 'A name has no control characters');
const password = z
  .string()
  .min(10, 'A password has at least 10 characters')
  .max(200, 'A password has at most 200 characters');
/** Names of teams that would meet something of Skyarc's own, and what that is. */
const reservedTeams: ReadonlyMap<string, string> = new Map([
  ['system', 'the namespace skyarc-system'],
  ['skyarc', 'the images under skyarc/ that all apps stand on'],
  ['incoming', 'the folder of uploads that are on their way'],
]);
const newTeamName = teamName.superRefine((name, context) => {
  const what = reservedTeams.get(name);
  if (what === undefined) return;
  const message = `The team name "${name}" is reserved for ${what}; choose another one`;
  context.addIssue({ code: 'custom', message });
});
const role = z.enum(['OWNER', 'DEVELOPER', 'VIEWER']);

export const inputs = {
  claim: z.object({ token: z.string().max(200), name: personName, email, password, teamName: newTeamName }),
  login: z.object({ email: z.string().trim().toLowerCase().max(254), password: z.string().max(200) }),
  changePassword: z.object({ currentPassword: z.string().max(200), newPassword: password }),
  createApiToken: z.object({
    name: personName,
    days: z
      .int()
      .min(1, 'A token lives at least one day')
      .max(3_650, 'A token lives at most 3650 days')
      .nullish(),
  }),
  createUser: z.object({ name: personName, email, password, admin: z.boolean().nullish() }),
  createTeam: z.object({ name: newTeamName, displayName: personName.nullish() }),
  setMember: z.object({ teamId: z.string().max(64), email, role }),
};
