import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { MqConfig } from '@skyarc/controllers/mq';
import { startEtcd } from '@skyarc/lib/etcd';
import { Stack } from '@skyarc/lib/lifecycle';
import { run } from '@skyarc/lib/process';
import { Part } from '../testkit/kill.ts';
import { assertOwnsPort } from '../testkit/ports.ts';

export const ports = { etcd: 21_520, etcdPeer: 21_521, mq: 21_522, redis: 21_530 };

/** The queue, its etcd and its rivals, each a process of its own. */
export interface MqBench {
  readonly etcdUrl: string;
  readonly mqUrl: string;
  /** Undefined: why there is none. */
  readonly redis: { readonly port: number } | { readonly missing: string };
  /** Path of the Go program, or why there is none. */
  readonly goProgram: string | { readonly missing: string };
  stop(): Promise<void>;
}

export async function startMqBench(): Promise<MqBench> {
  const stack = new Stack();
  try {
    const folder = await mkdtemp(join(tmpdir(), 'skyarc-mq-bench-'));
    stack.add(() => rm(folder, { recursive: true, force: true }));
    const goProgram = await buildGo(folder);
    const etcd = stack.use(
      await startEtcd({
        name: 'mq-bench',
        dataDir: join(folder, 'etcd'),
        runDir: folder,
        clientPort: ports.etcd,
        peerPort: ports.etcdPeer,
      }),
      (one) => one.stop(),
    );
    await assertOwnsPort(etcd.pid, ports.etcd);
    const config: MqConfig = {
      port: ports.mq,
      statusPort: 0,
      etcdUrl: etcd.url,
      maxTopicMessages: 100_000_000,
      maxTopicBytes: 16 * 2 ** 30,
      duplicateWindowMs: 60_000,
    };
    const module = fileURLToPath(import.meta.resolve('@skyarc/controllers/mq'));
    const node = stack.use(await Part.start({ module, config }), (one) => one.kill());
    await assertOwnsPort(node.pid, ports.mq);
    return {
      etcdUrl: etcd.url,
      mqUrl: `http://127.0.0.1:${ports.mq}`,
      redis: await startRedis(folder, stack),
      goProgram,
      stop: () => stack.stop(),
    };
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

async function buildGo(folder: string): Promise<MqBench['goProgram']> {
  const program = join(folder, 'mq-raw');
  try {
    const cwd = join(import.meta.dirname, 'mq-raw');
    // Where modules come from is the machine's own matter.
    const env = Object.fromEntries(Object.entries(process.env).map(([name, value]) => [name, value ?? '']));
    const built = await run('go', ['build', '-o', program, '.'], { cwd, env, timeoutMs: 300_000 });
    if (built.code !== 0) throw new Error(built.stderr);
    return program;
  } catch (error) {
    return {
      missing: `no Go (apt-get install golang) or no Go module proxy: ${(error as Error).message.slice(0, 200)}`,
    };
  }
}

async function startRedis(folder: string, stack: Stack): Promise<MqBench['redis']> {
  const dir = join(folder, 'redis');
  await mkdir(dir);
  const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', ''];
  const listen = ['--port', String(ports.redis), '--bind', '127.0.0.1', '--dir', dir];
  const child = spawn('redis-server', [...listen, ...durable], { stdio: 'ignore' });
  const failed = once(child, 'error').then(() => 'missing' as const);
  if ((await Promise.race([failed, sleep(1_500)])) === 'missing')
    return { missing: 'no redis-server (apt-get install redis-server)' };
  stack.add(async () => {
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    await gone;
  });
  await assertOwnsPort(child.pid ?? 0, ports.redis);
  return { port: ports.redis };
}
