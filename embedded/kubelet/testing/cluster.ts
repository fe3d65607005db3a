import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Daemon } from '@skyarc/lib/process';
import { pollUntil } from '@skyarc/lib/retry';
import type { KindTable, KubeClient } from '../../client/index.ts';
import type { EmbeddedInput } from '../../config.ts';
import { writeHostImage } from './host-image.ts';

export const testImage = 'localhost/test/host:1';

export interface TestGround {
  readonly config: EmbeddedInput;
  /** Archive of `testImage`. */
  readonly imageArchive: string;
  /** Ends etcd and removes its data; purge the cluster first. */
  stop(): Promise<void>;
}

/** A folder, an etcd and a configuration for one embedded cluster of a test; uses three ports from `basePort`. */
export async function prepareGround(options: {
  instance: string;
  basePort: number;
  podCidr: string;
  serviceCidr: string;
  kubelet?: EmbeddedInput['kubelet'];
}): Promise<TestGround> {
  const { basePort, kubelet, ...rest } = options;
  const home = await mkdtemp(join(tmpdir(), `${options.instance}-`));
  const [client, peer] = [basePort, basePort + 1].map((port) => `http://127.0.0.1:${port}`) as [
    string,
    string,
  ];
  const etcd = new Daemon({
    name: 'etcd',
    folder: home,
    command: 'etcd',
    args: [
      '--data-dir',
      join(home, 'etcd'),
      '--logger',
      'zap',
      '--unsafe-no-fsync',
      '--listen-client-urls',
      client,
      '--advertise-client-urls',
      client,
      '--listen-peer-urls',
      peer,
      '--initial-advertise-peer-urls',
      peer,
      '--initial-cluster',
      `default=${peer}`,
    ],
    ready: async () => (await fetch(`${client}/health`)).ok,
  });
  await etcd.ensure();
  const imageArchive = join(home, 'image.tar');
  await writeHostImage(imageArchive, testImage);
  const config: EmbeddedInput = {
    ...rest,
    home: join(home, 'c'),
    etcdUrl: client,
    apiServer: { port: basePort + 2 },
    kubelet: { nodeName: 'node-1', ...kubelet },
  };
  const stop = async () => {
    await etcd.stop();
    await rm(home, { recursive: true, force: true });
  };
  return { config, imageArchive, stop };
}

type Pod = KindTable['pods'];

/** Waits until a pod is as wished; the error tells what it was last. */
export async function waitForPod(
  client: KubeClient,
  name: string,
  isRight: (pod: Pod) => boolean,
  timeoutMs = 30_000,
): Promise<Pod> {
  let last: Pod | null = null;
  return pollUntil(
    async () => {
      last = await client.find('pods', name, 'default');
      return last && isRight(last) ? last : undefined;
    },
    {
      timeoutMs,
      everyMs: 50,
      onTimeout: () =>
        new Error(`pod ${name} did not become as wished: ${JSON.stringify(last?.status, null, 1)}`),
    },
  );
}

export function isReady(pod: Pod): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}

/** Waits until a pod's object is gone. */
export async function waitForAbsence(client: KubeClient, name: string, timeoutMs = 30_000): Promise<void> {
  await pollUntil(async () => ((await client.find('pods', name, 'default')) ? undefined : true), {
    timeoutMs,
    everyMs: 50,
    onTimeout: () => new Error(`pod ${name} did not go`),
  });
}
