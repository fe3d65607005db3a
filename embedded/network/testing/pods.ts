import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { run } from '@skyarc/lib/process';
import { renderCniConfig, type CniOptions } from '../cni.ts';

/** A network namespace as a pod has it, with a process in it that connects and listens when told. */
export class NetworkPod {
  readonly address: string;
  private readonly name: string;
  private readonly detach: () => Promise<void>;
  private readonly agent: ChildProcess;
  private readonly waiting: ((answer: string) => void)[] = [];

  private constructor(name: string, address: string, detach: () => Promise<void>) {
    this.name = name;
    this.address = address;
    this.detach = detach;
    const script = new URL('agent.ts', import.meta.url).pathname;
    this.agent = spawn('ip', ['netns', 'exec', name, process.execPath, script], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    if (this.agent.stdout)
      createInterface({ input: this.agent.stdout }).on('line', (line) => this.waiting.shift()?.(line));
  }

  /** Makes the namespace with the very plugins and configuration that containerd would use. */
  static async create(name: string, options: CniOptions): Promise<NetworkPod> {
    await must('ip', ['netns', 'add', name]);
    await must('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
    await mkdir(options.stateFolder, { recursive: true });
    const {
      cniVersion,
      name: network,
      plugins,
    } = JSON.parse(renderCniConfig(options)) as {
      cniVersion: string;
      name: string;
      plugins: object[];
    };
    const input = JSON.stringify({ cniVersion, name: network, ...plugins[0] });
    const plugin = (command: string) =>
      must('/usr/lib/cni/ptp', [], input, {
        PATH: process.env['PATH'] ?? '',
        CNI_COMMAND: command,
        CNI_CONTAINERID: name,
        CNI_NETNS: join('/run/netns', name),
        CNI_IFNAME: 'eth0',
        CNI_PATH: '/usr/lib/cni',
      });
    const { ips } = JSON.parse(await plugin('ADD')) as { ips: { address: string }[] };
    const detach = async () => {
      await plugin('DEL');
      await must('ip', ['netns', 'delete', name]);
    };
    return new NetworkPod(name, ips[0]?.address.split('/')[0] ?? '', detach);
  }

  /** What the other end says first, or the error's code: what a program in the pod sees. */
  connect(host: string, port: number, protocol: 'tcp' | 'udp' = 'tcp', sourcePort?: number): Promise<string> {
    return this.ask({ do: 'connect', host, port, protocol, sourcePort });
  }

  /** Answers every connection and datagram with the pod's name and the peer's address. */
  listen(port: number, protocol: 'tcp' | 'udp' = 'tcp'): Promise<string> {
    return this.ask({ do: 'listen', port, protocol, name: this.name });
  }

  /** Opens a connection that stays; `echo` then says whether it still carries. */
  hold(host: string, port: number): Promise<string> {
    return this.ask({ do: 'hold', host, port });
  }

  echo(): Promise<string> {
    return this.ask({ do: 'echo' });
  }

  /** Runs a program in the pod's network. */
  async exec(command: string, ...args: string[]): Promise<string> {
    const { stdout, stderr } = await run('ip', ['netns', 'exec', this.name, command, ...args]);
    return stdout + stderr;
  }

  async remove(): Promise<void> {
    this.agent.kill('SIGKILL');
    await this.detach();
  }

  private ask(command: object): Promise<string> {
    this.agent.stdin?.write(`${JSON.stringify(command)}\n`);
    return new Promise((resolve) => {
      this.waiting.push(resolve);
    });
  }
}

async function must(
  command: string,
  args: readonly string[],
  input?: string,
  env?: Readonly<Record<string, string>>,
): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, { input, env });
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${stdout}${stderr}`);
  return stdout;
}
