import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type EmbeddedInput, purge } from '@skyarc/embedded';
import { etcdDaemonOf, startEtcd } from '@skyarc/lib/etcd';
import { KubeClient, loadKubeConfig } from '@skyarc/lib/kube';

export interface ForeignClusterOptions {
  readonly instance: string;
  /** API server here, its etcd on the two ports after it. */
  readonly port: number;
  /** Second octet of its pod addresses; services get the next one. */
  readonly network: number;
  readonly plainHttpRegistry: string;
}

/** A Kubernetes that no Skyarc made: own etcd, own process, own folder. */
export class ForeignCluster {
  readonly home: string;
  /** With all rights. */
  kubeconfig = '';
  private readonly config: EmbeddedInput;
  private readonly etcd;
  private child: ChildProcess | undefined;
  private client: KubeClient | undefined;

  constructor({ instance, port, network, plainHttpRegistry }: ForeignClusterOptions) {
    this.home = `/var/lib/${instance}`;
    this.etcd = {
      name: instance,
      dataDir: join(this.home, 'etcd'),
      runDir: join(this.home, 'run'),
      clientPort: port + 1,
      peerPort: port + 2,
    };
    this.config = {
      instance,
      home: join(this.home, 'cluster'),
      podCidr: `10.${network}.0.0/16`,
      serviceCidr: `10.${network + 1}.0.0/16`,
      etcdUrl: `http://127.0.0.1:${port + 1}`,
      apiServer: { port, names: ['localhost', '127.0.0.1'] },
      controllers: { storage: { volumeRoot: join(this.home, 'volumes') } },
      kubelet: { plainHttpRegistries: [plainHttpRegistry] },
    };
  }

  get kube(): KubeClient {
    if (!this.client) throw new Error('The cluster is not started');
    return this.client;
  }

  async start(): Promise<void> {
    await mkdir(this.home, { recursive: true, mode: 0o711 });
    await startEtcd(this.etcd);
    this.child = fork(resolve(import.meta.dirname, 'cluster-process.ts'), { execArgv: [], stdio: 'inherit' });
    this.child.send(this.config);
    const [answer] = (await once(this.child, 'message')) as [{ kubeconfig?: string; failure?: string }];
    if (!answer.kubeconfig) throw new Error(`The cluster does not start: ${answer.failure}`);
    this.kubeconfig = answer.kubeconfig;
    this.client = new KubeClient(await loadKubeConfig(answer.kubeconfig));
  }

  /** Ends it and removes every trace of it, also of one that an earlier run left. */
  async purge(): Promise<void> {
    await this.client?.close();
    if (this.child?.connected) {
      const ended = once(this.child, 'exit');
      this.child.disconnect();
      // Its pods are ended by `purge`; it has nothing to save.
      this.child.kill('SIGKILL');
      await ended;
    }
    await purge(this.config);
    await etcdDaemonOf(this.etcd).stop();
    await rm(this.home, { recursive: true, force: true, maxRetries: 5 });
  }
}
