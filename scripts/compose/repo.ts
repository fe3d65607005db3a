import type { ChaosConfig } from '@skyarc/controllers/chaos';
import { type RepoConfig, upstreamEnvironmentOf } from '@skyarc/controllers/repo';
import { ensureGrantKeys, type GrantKeys, GrantSigner } from '@skyarc/lib/signed-grant';
import type { Topology } from './topology.ts';

/** The packages of this machine's data centre. */
export async function repoConfigOf(topology: Topology): Promise<RepoConfig> {
  const { ownPorts, path, environment } = topology;
  return {
    port: ownPorts.repo,
    statusPort: ownPorts.repoStatus,
    dataDir: path('repo'),
    grantKey: (await repoKeysOf(topology)).publicKey,
    clientEnv: upstreamEnvironmentOf(environment),
  };
}

/** How builds reach packages; null where they are not served. */
export async function buildRepoOf(topology: Topology): Promise<ChaosConfig['repo']> {
  if (!topology.servesPackages) return null;
  const { privateKey } = await repoKeysOf(topology);
  return { url: `http://127.0.0.1:${topology.ports.repo}`, grantKey: privateKey };
}

interface TokenRequest {
  readonly team: string;
  readonly mayPublish: boolean;
  readonly days: number;
}

/** A token by which a person or a pipeline reads a team's packages, or publishes too. */
export async function makeRepoToken(topology: Topology, request: TokenRequest): Promise<string> {
  const { team, mayPublish, days } = request;
  const signer = new GrantSigner((await repoKeysOf(topology)).privateKey);
  const claims = { use: 'repo', team, mayPublish, expiresAt: Date.now() + days * 86_400_000 };
  return signer.sign(claims);
}

function repoKeysOf({ path }: Topology): Promise<GrantKeys> {
  return ensureGrantKeys(path('keys', 'repo.key'));
}
