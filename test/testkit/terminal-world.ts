import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningApi, start as startApi } from '@skyarc/controllers/api';
import { start as startEventLog } from '@skyarc/controllers/eventlog';
import { start as startMq } from '@skyarc/controllers/mq';
import { type RunningWebcli, start as startWebcli, type WebcliConfig } from '@skyarc/controllers/webcli';
import { CertificateAuthority } from '@skyarc/lib/certificates';
import { labels, managedByValue, newId } from '@skyarc/lib/contracts';
import { createEventLogClient } from '@skyarc/lib/eventlog-client';
import { TestCluster } from '@skyarc/lib/kube/testing';
import { Stack } from '@skyarc/lib/lifecycle';
import { createMqClient } from '@skyarc/lib/mq-client';
import { pollUntil } from '@skyarc/lib/retry';
import { SecretBox } from '@skyarc/lib/secretbox';
import { makeGrantKeys } from '@skyarc/lib/signed-grant';
import { type DataCenterDatabase, openDataCenterDatabase } from '@skyarc/prisma/datacenter';
import { createClient, type SkyarcClient } from '@skyarc/sdk';
import { type RunningServer, start as startServer } from '@skyarc/server';

export interface TerminalWorldOptions {
  /** At most 10 characters a-z. */
  readonly instance: string;
  /** Sixteen ports from here on. */
  readonly basePort: number;
  readonly podCidr: string;
  readonly serviceCidr: string;
  readonly webRoot?: string;
  readonly webcli?: Partial<WebcliConfig>;
  /** Numbers of the webcli that the console reaches as on one machine, not by the API. */
  readonly nearby?: readonly number[];
}

export const hostImage = 'localhost/test/root:1';
export const password = 'correct horse battery';

/** Everything between a browser and a pod: console, data-centre API, two webcli, a real cluster; pods are made by hand. */
export class TerminalWorld {
  readonly cluster: TestCluster;
  readonly db: DataCenterDatabase;
  readonly console: RunningServer;
  readonly api: RunningApi;
  readonly webcli: RunningWebcli[];
  /** Begins a webcli of this number again, e.g. after it was stopped. */
  readonly startWebcli: (index: number) => Promise<void>;
  private readonly stack: Stack;

  private constructor(
    parts: Pick<TerminalWorld, 'cluster' | 'db' | 'console' | 'api' | 'webcli' | 'startWebcli'>,
    stack: Stack,
  ) {
    this.cluster = parts.cluster;
    this.db = parts.db;
    this.console = parts.console;
    this.api = parts.api;
    this.webcli = parts.webcli;
    this.startWebcli = parts.startWebcli;
    this.stack = stack;
  }

  static async start(options: TerminalWorldOptions): Promise<TerminalWorld> {
    const stack = new Stack();
    const { basePort, instance, podCidr, serviceCidr } = options;
    try {
      const folder = await mkdtemp(join(tmpdir(), `${instance}-`));
      stack.add(() => rm(folder, { recursive: true, force: true }));
      await mkdir(join(folder, 'samples'));
      const cluster = stack.use(
        await TestCluster.start({
          instance,
          basePort,
          parts: 'pods',
          podCidr,
          serviceCidr,
          hostImages: [{ reference: hostImage }],
        }),
        (one) => one.stop(),
      );
      const { kube } = cluster;
      const [queue, events, db, authority] = await Promise.all([
        startMq({ port: 0, statusPort: 0, etcdUrl: `http://127.0.0.1:${basePort}` }),
        startEventLog({ port: 0, ingestPort: 0, statusPort: 0, dataDir: join(folder, 'eventlog') }),
        openDataCenterDatabase({ file: join(folder, 'datacenter.db') }),
        CertificateAuthority.ensure(join(folder, 'ca'), 'skyarc test'),
      ]);
      stack.add(() => Promise.all([queue.stop(), events.stop()]).then(() => undefined));
      stack.add(() => db.$disconnect());
      const mq = stack.use(createMqClient(queue.url), (one) => one.close());
      const eventLog = stack.use(createEventLogClient(events.url), (one) => one.close());
      const keys = makeGrantKeys();
      const webcli: RunningWebcli[] = [];
      const portOf = (index: number): number => basePort + 8 + 2 * index;
      const start = async (index: number): Promise<void> => {
        webcli[index] = await startWebcli(
          {
            instance: `webcli-${index}`,
            port: portOf(index),
            statusPort: portOf(index) + 1,
            grantKey: keys.publicKey,
            dataDir: join(folder, `webcli-${index}`),
            debugImage: hostImage,
            drainMs: 1_000,
            ...options.webcli,
          },
          { db, kube },
        );
      };
      await Promise.all([start(0), start(1)]);
      stack.add(() => Promise.all(webcli.map((one) => one.stop())).then(() => undefined));
      const names = ['127.0.0.1', 'localhost'];
      const server = await authority.issue({ commonName: 'api', usage: 'server', names });
      const api = stack.use(
        await startApi(
          {
            port: basePort + 4,
            statusPort: 0,
            tls: { ca: authority.cert, ...server },
            terminals: {
              urls: [0, 1].map((index) => `http://127.0.0.1:${portOf(index)}`),
              grantKey: keys.privateKey,
            },
          },
          { db, kube, mq, eventLog, secretBox: new SecretBox(Buffer.alloc(32, 7)) },
        ),
        (one) => one.stop(),
      );
      const consolePair = await authority.issue({ commonName: 'console', usage: 'client' });
      const consoleServer = stack.use(
        await startServer({
          port: basePort + 5,
          statusPort: 0,
          databaseFile: join(folder, 'console.db'),
          tls: { ca: authority.cert, ...consolePair },
          dataCenters: [{ name: 'local', displayName: 'Here', apiUrl: api.url }],
          samplesFolder: join(folder, 'samples'),
          attemptsPerMinute: 100,
          nearbyTerminals: {
            local: Object.fromEntries(
              (options.nearby ?? []).map((index) => [`webcli-${index}`, `http://127.0.0.1:${portOf(index)}`]),
            ),
          },
          ...(options.webRoot && { webRoot: options.webRoot }),
        }),
        (one) => one.stop(),
      );
      const parts = { cluster, db, console: consoleServer, api, webcli, startWebcli: start };
      return new TerminalWorld(parts, stack);
    } catch (error) {
      await stack.stop();
      throw error;
    }
  }

  stop(): Promise<void> {
    return this.stack.stop();
  }

  /** Somebody's client; logged in when an address is given. */
  async client(email?: string): Promise<SkyarcClient> {
    const client = createClient({ url: `${this.console.url}/graphql` });
    if (email) await client.account.login({ email, password });
    return client;
  }

  /** Claims the installation for Ann and team blue; answers her client and the team's first group. */
  async claim(): Promise<{ ann: SkyarcClient; groupId: string }> {
    const ann = await this.client();
    const token = this.console.claimToken ?? '';
    await ann.account.claim({ token, name: 'Ann', email: 'ann@example.test', password, teamName: 'blue' });
    const { groups } = await ann.teams.get('blue');
    return { ann, groupId: groups[0]?.id ?? '' };
  }

  /** An app with one pod that runs the command in the host image, as the worker would make it. */
  async runApp(
    team: string,
    groupId: string,
    command: readonly string[],
  ): Promise<{ appId: string; pod: string }> {
    const appId = newId('local', 'app');
    const name = `app-${appId.slice(-6)}`;
    const namespace = `skyarc-${team}`;
    await this.db.team.upsert({
      where: { name: team },
      create: { name: team, namespace, sshPublicKey: '', sshPrivateKey: '' },
      update: {},
    });
    await this.db.app.create({
      data: {
        id: appId,
        teamName: team,
        groupId,
        name,
        displayName: name,
        source: JSON.stringify({ kind: 'TEMPLATE', template: 'hello' }),
      },
    });
    const { kube } = this.cluster;
    if (!(await kube.find('namespaces', namespace)))
      await kube.create('namespaces', { metadata: { name: namespace } });
    await kube.create('pods', {
      metadata: {
        name,
        namespace,
        labels: { [labels.managedBy]: managedByValue, [labels.appId]: appId, [labels.team]: team },
      },
      spec: {
        containers: [{ name: 'app', image: hostImage, command: [...command] }],
        terminationGracePeriodSeconds: 1,
      },
    });
    await pollUntil(
      async () => {
        const pod = await kube.find('pods', name, namespace);
        return pod?.status?.containerStatuses?.[0]?.state?.running ? true : undefined;
      },
      { timeoutMs: 60_000, onTimeout: () => new Error(`pod ${name} does not run`) },
    );
    return { appId, pod: name };
  }
}
