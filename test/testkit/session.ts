import { createClient, type SkyarcClient } from '@skyarc/sdk';
import { pollUntil } from '@skyarc/lib/retry';
import { request } from 'undici';
import type { Installation } from './installation.ts';
import type { World } from './journey-setup.ts';

/** Claims a fresh installation for its first user, and lets builds reach the Git servers of tests, which are on loopback. */
export async function claim(installation: Installation): Promise<World> {
  const owner = { email: 'ann@example.test', password: 'correct horse battery' };
  const { consoleUrl, gatewayUrl, output } = installation;
  const token = installation.claimToken();
  if (!token) throw new Error(`No claim link was printed:\n${output}`);
  const client = createClient({ url: `${consoleUrl}/graphql` });
  await client.account.claim({ token, name: 'Ann', teamName: 'blue', ...owner });
  await client.platform.updateDataCenter('local', { allowPrivateSources: true });
  const { groups } = await client.teams.get('blue');
  await client.dispose();
  const groupId = (groups[0] as { id: string }).id;
  return { consoleUrl, gatewayUrl, domain: 'skyarc.localhost', owner, team: 'blue', groupId };
}

/** A client that is logged in as the installation's owner. */
export async function loginAsOwner(world: World): Promise<SkyarcClient> {
  const client = createClient({ url: `${world.consoleUrl}/graphql` });
  await client.account.login(world.owner);
  return client;
}

/** Waits for an operation's end; throws with its steps and log unless it ended as wanted within four minutes. */
export async function finish(client: SkyarcClient, operationId: string, wanted = 'SUCCEEDED') {
  const signal = AbortSignal.timeout(240_000);
  const operation = await client.operations
    .wait(operationId, { signal })
    .catch((error: unknown) => (signal.aborted ? client.operations.get(operationId) : Promise.reject(error)));
  if (operation.status !== wanted) {
    const { lines } = await client.logs.read({ kind: 'OPERATION', id: operationId });
    const steps = operation.steps.map(({ name, status, message }) => `${name} ${status} ${message ?? ''}`);
    const told = [...steps, ...lines.map(({ text }) => text)].join('\n');
    throw new Error(`${operation.kind} is ${operation.status}: ${operation.message}\n${told}`);
  }
  return operation;
}

/** Waits until the platform answers and its data centre with it. */
export async function untilReachable(client: SkyarcClient): Promise<void> {
  await pollUntil(
    async () => {
      const centres = await client.platform.dataCenters().catch(() => []);
      return centres[0]?.info ? true : undefined;
    },
    { timeoutMs: 60_000, onTimeout: () => new Error('the data centre is not reachable again') },
  );
}

/** The first line of the app's answer through the gateway, whatever the status. */
export async function ask(world: World, host: string, path = '/'): Promise<{ status: number; text: string }> {
  const { statusCode, body } = await request(`${world.gatewayUrl}${path}`, { headers: { host } });
  return { status: statusCode, text: (await body.text()).trim() };
}

/** Waits until the app's answer begins with the text. */
export async function untilAnswers(
  world: World,
  host: string,
  text: string,
  timeoutMs = 30_000,
): Promise<void> {
  let last = 'nothing';
  await pollUntil(
    async () => {
      const answer = await ask(world, host).catch((error: Error) => ({ status: 0, text: error.message }));
      last = `${answer.status} ${answer.text}`;
      return answer.status === 200 && answer.text.startsWith(text) ? true : undefined;
    },
    { timeoutMs, everyMs: 100, onTimeout: () => new Error(`${host} answers "${last}", not "${text}"`) },
  );
}
