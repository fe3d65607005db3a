import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { run } from '@skyarc/lib/process';
import { pollUntil, sleep } from '@skyarc/lib/retry';
import type { KindTable } from '../client/index.ts';
import { halt, purge, start, type RunningEmbedded } from '../main.ts';
import {
  isReady,
  prepareGround,
  testImage,
  waitForAbsence,
  waitForPod,
  type TestGround,
} from './testing/cluster.ts';

type PodSpec = NonNullable<KindTable['pods']['spec']>;
type Container = PodSpec['containers'][number];

let ground: TestGround;
let child: ChildProcess | undefined;
let cluster: RunningEmbedded | undefined;

beforeAll(async () => {
  ground = await prepareGround({
    instance: 'hebc',
    basePort: 20_220,
    podCidr: '10.73.0.0/16',
    serviceCidr: '10.74.0.0/16',
    kubelet: { crashBackoff: { firstMs: 500, maxMs: 1_000 } },
  });
  await mkdir(logFolder(), { recursive: true });
  const first = await start(ground.config);
  await first.importImage(ground.imageArchive);
  await first.stop();
});

afterAll(async () => {
  child?.kill('SIGKILL');
  await cluster?.stop();
  if (ground) await purge(ground.config);
  await ground?.stop();
});

const logFolder = () => join(ground.config.home, 'log');

/** Runs the cluster in a process that can be killed. */
async function startChild(): Promise<void> {
  const started = fork(new URL('testing/run-cluster.ts', import.meta.url).pathname, { silent: true });
  child = started;
  let output = '';
  for (const stream of [started.stdout, started.stderr])
    stream?.on('data', (chunk: Buffer) => (output = `${output}${chunk.toString()}`.slice(-4_000)));
  started.send(ground.config);
  const message = await Promise.race([
    once(started, 'message').then(([text]) => String(text)),
    once(started, 'exit').then(([code]) => `ended with ${String(code)}`),
    sleep(30_000).then(() => 'not ready after 30 s'),
  ]);
  expect(message, output).toBe('ready');
}

async function killChild(): Promise<void> {
  child?.kill('SIGKILL');
  if (child) await once(child, 'exit');
  child = undefined;
}

async function apply(name: string, spec: PodSpec): Promise<void> {
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec });
  const kubeconfig = join(ground.config.home, 'pki', 'admin.kubeconfig');
  const cache = `--cache-dir=${join(ground.config.home, 'kubectl')}`;
  const args = [`--kubeconfig=${kubeconfig}`, cache, 'create', '--validate=false', '-f', '-'];
  const { code, stderr } = await run('kubectl', args, { input, timeoutMs: 15_000 });
  expect(stderr, stderr).toBe('');
  expect(code).toBe(0);
}

/** Has a container write a word to the pod's file on the host. */
const say = (pod: string, word: string) => `echo ${word} >> /log/${pod}`;

function shell(name: string, script: string, more: Partial<Container> = {}): Container {
  const volumeMounts = [{ name: 'log', mountPath: '/log' }];
  return { name, image: testImage, command: ['sh', '-c', script], volumeMounts, ...more };
}

/** A job of three steps with a side-car that takes its time to end. */
function job(pod: string): PodSpec {
  const sidecar = [
    `trap '${say(pod, 'side-term')}; sleep 1; ${say(pod, 'side-end')}; exit 0' TERM`,
    say(pod, 'side-start'),
    'while :; do sleep 0.05; done',
  ].join('; ');
  return {
    restartPolicy: 'OnFailure',
    terminationGracePeriodSeconds: 10,
    volumes: [{ name: 'log', hostPath: { path: logFolder() } }],
    initContainers: [
      shell('one', `${say(pod, 'one')}; sleep 0.4`),
      shell('side', sidecar, { restartPolicy: 'Always' }),
      shell('two', `${say(pod, 'two')}; sleep 0.4`),
    ],
    containers: [shell('main', `${say(pod, 'main')}; sleep 0.4; ${say(pod, 'main-end')}`)],
  };
}

async function linesOf(pod: string): Promise<string[]> {
  const text = await readFile(join(logFolder(), pod), 'utf8').catch(() => '');
  return text.split('\n').filter(Boolean);
}

async function waitForWord(pod: string, word: string): Promise<void> {
  await pollUntil(async () => ((await linesOf(pod)).includes(word) ? true : undefined), {
    timeoutMs: 20_000,
    everyMs: 5,
    onTimeout: () => new Error(`pod ${pod} never said ${word}`),
  });
}

const everything = ['one', 'side-start', 'two', 'main', 'main-end', 'side-term', 'side-end'];

test('a kubelet killed at any step of a job lets nothing run twice and ends with the right states', async () => {
  // Again after a try that failed.
  await cluster?.stop();
  cluster = undefined;
  const pods = everything.map((step) => ({ step, name: `${step}-${Date.now().toString(36)}` }));
  for (const { step, name } of pods) {
    await startChild();
    await apply(name, job(name));
    await waitForWord(name, step);
    await killChild();
  }
  // What ends now ends unseen.
  await sleep(1_000);
  const running = await start(ground.config);
  cluster = running;
  for (const { step, name } of pods) {
    const pod = await waitForPod(running.client, name, ({ status }) => status?.phase === 'Succeeded');
    expect(await linesOf(name), `killed after "${step}"`).toEqual(everything);
    const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
    for (const { name: container, restartCount, state, lastState } of [
      ...initContainerStatuses,
      ...containerStatuses,
    ]) {
      // A start that died with the kubelet counts for the runtime, though nothing ran.
      const startsInVain = lastState?.terminated?.reason === 'StartError' ? 1 : 0;
      expect(
        { container, restarts: restartCount - startsInVain, exitCode: state?.terminated?.exitCode },
        `killed after "${step}": ${JSON.stringify(lastState)}`,
      ).toEqual({ container, restarts: 0, exitCode: 0 });
    }
    await running.client.delete('pods', name, 'default');
    await waitForAbsence(running.client, name);
  }
}, 300_000);

test('a halt lets pods end in peace, and the next start knows what ran', async () => {
  const volumes = [{ name: 'log', hostPath: { path: logFolder() } }];
  const server = (pod: string, more: Partial<PodSpec>): PodSpec => ({
    terminationGracePeriodSeconds: 5,
    volumes,
    containers: [
      shell(
        'main',
        `trap '${say(pod, 'saved')}; exit 0' TERM; ${say(pod, 'start')}; while :; do sleep 0.1; done`,
      ),
    ],
    ...more,
  });
  cluster ??= await start(ground.config);
  await apply('server', server('server', {}));
  await apply('once', server('once', { restartPolicy: 'Never' }));
  await apply('done', { restartPolicy: 'Never', volumes, containers: [shell('main', say('done', 'start'))] });
  for (const pod of ['server', 'once', 'done']) await waitForWord(pod, 'start');
  await waitForPod(cluster.client, 'done', ({ status }) => status?.phase === 'Succeeded');
  await waitForPod(cluster.client, 'once', isReady);
  await waitForPod(cluster.client, 'server', isReady);
  await cluster.stop();
  await halt(ground.config);
  expect(await linesOf('server')).toEqual(['start', 'saved']);
  cluster = await start(ground.config);
  await waitForPod(
    cluster.client,
    'server',
    (pod) => isReady(pod) && pod.status?.containerStatuses?.[0]?.restartCount === 1,
  );
  const once2 = await waitForPod(cluster.client, 'once', ({ status }) => status?.phase === 'Failed');
  expect(once2.status?.containerStatuses?.[0]?.state?.terminated?.reason).toBe('ContainerStatusUnknown');
  expect(await linesOf('once')).toEqual(['start', 'saved']);
  expect(await linesOf('done')).toEqual(['start']);
  expect(await linesOf('server')).toEqual(['start', 'saved', 'start']);
});
