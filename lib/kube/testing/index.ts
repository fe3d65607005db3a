import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeClient, loadKubeConfig } from '@skyarc/lib/kube';
import { Daemon } from '@skyarc/lib/process';

export interface TestClusterOptions {
  /** At most 10 characters a-z. */
  readonly instance: string;
  /** Three ports from here on. */
  readonly basePort: number;
  /** `api`: etcd and the API server; `controllers`: also its controllers; `pods`: pods run, too. */
  readonly parts: 'api' | 'controllers' | 'pods';
  readonly podCidr?: string;
  readonly serviceCidr?: string;
  /** Images to make of this machine's own programs (sh, cat, node, ...), as no registry is at hand. */
  readonly hostImages?: readonly { readonly reference: string; readonly user?: string }[];
  /** More of the cluster's configuration. */
  readonly embedded?: object;
}

/** A Kubernetes of the test's own in another process. */
export class TestCluster {
  readonly kube: KubeClient;
  readonly kubeconfig: string;
  readonly home: string;
  private readonly options: TestClusterOptions;
  private child: ChildProcess;

  private constructor(parts: {
    options: TestClusterOptions;
    home: string;
    child: ChildProcess;
    kubeconfig: string;
    kube: KubeClient;
  }) {
    this.options = parts.options;
    this.home = parts.home;
    this.child = parts.child;
    this.kubeconfig = parts.kubeconfig;
    this.kube = parts.kube;
  }

  static async start(options: TestClusterOptions): Promise<TestCluster> {
    const home = await mkdtemp(join(tmpdir(), `${options.instance}-`));
    const { child, kubeconfig } = await launch(options, home).catch(async (error: unknown) => {
      await etcdOf(options, home).stop();
      throw error;
    });
    const kube = new KubeClient(await loadKubeConfig(kubeconfig));
    return new TestCluster({ options, home, child, kubeconfig, kube });
  }

  /** Kills the API server (etcd goes on). */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await once(this.child, 'exit');
  }

  /** Starts it again after `kill`. */
  async revive(): Promise<void> {
    this.child = (await launch(this.options, this.home)).child;
  }

  async stop(): Promise<void> {
    await this.kube.close();
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.send('stop');
      await once(this.child, 'exit');
    }
    await etcdOf(this.options, this.home).stop();
    await rm(this.home, { recursive: true, force: true });
  }
}

/** The etcd that the fixture started; it outlives a killed fixture. */
function etcdOf({ instance }: TestClusterOptions, home: string): Daemon {
  return new Daemon({
    name: `${instance}-etcd`,
    folder: home,
    command: 'etcd',
    args: [],
    ready: async () => true,
  });
}

async function launch(
  options: TestClusterOptions,
  home: string,
): Promise<{ child: ChildProcess; kubeconfig: string }> {
  const script = join(import.meta.dirname, '../fixtures/cluster.ts');
  const child = fork(script, [JSON.stringify({ ...options, home })], { stdio: 'inherit', execArgv: [] });
  const [message] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => {
      throw new Error('the test cluster ended before it was ready');
    }),
  ])) as [{ kubeconfig: string }];
  return { child, kubeconfig: message.kubeconfig };
}
