import { namespaceOf } from '@skyarc/lib/contracts';
import type { TeamRecord } from '@skyarc/prisma/datacenter';
import type { Api } from '../api.ts';
import { isTaken } from '../repository.ts';
import { newSshKey } from '../ssh-key.ts';

/** The team's record here, with its SSH key; made when the team is first heard of. */
export async function ensureTeam({ repository, secretBox }: Api, name: string): Promise<TeamRecord> {
  const { db } = repository;
  const found = await db.team.findUnique({ where: { name } });
  if (found) return found;
  const { publicKey, privateKey } = newSshKey(`skyarc-${name}`);
  try {
    return await db.team.create({
      data: {
        name,
        namespace: namespaceOf(name),
        sshPublicKey: publicKey,
        sshPrivateKey: secretBox.seal(privateKey, `team:${name}`),
      },
    });
  } catch (error) {
    // Somebody else was faster.
    if (isTaken(error)) return db.team.findUniqueOrThrow({ where: { name } });
    throw error;
  }
}
