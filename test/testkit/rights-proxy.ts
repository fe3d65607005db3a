import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, request as httpsRequest, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { loadAllYaml } from '@kubernetes/client-node';
import { CertificateAuthority } from '@skyarc/lib/certificates';
import { loadKubeConfig } from '@skyarc/lib/kube';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

const token = 'the-token-of-skyarc';

/**
 * Stands before an API server as one that enforces roles: lets through what they grant, answers 403 to the
 * rest, and remembers both. A right is written `verb group/resource[/subresource]`, the core group is empty.
 */
export class RightsProxy {
  readonly used = new Set<string>();
  readonly refused = new Set<string>();
  readonly granted: ReadonlySet<string>;
  private readonly target: URL;
  private readonly identity: { ca: string; cert: string; key: string };
  private server: Server | undefined;

  private constructor(granted: ReadonlySet<string>, target: URL, identity: RightsProxy['identity']) {
    this.granted = granted;
    this.target = target;
    this.identity = identity;
  }

  /** In front of the kubeconfig's cluster, with the ClusterRoles of the file. */
  static async create(kubeconfig: string, rolesFile: string): Promise<RightsProxy> {
    const config = await loadKubeConfig(kubeconfig);
    const user = config.getCurrentUser();
    const cluster = config.getCurrentCluster();
    return new RightsProxy(await rightsOf(rolesFile), new URL(cluster?.server ?? ''), {
      ca: await pem(cluster?.caData, cluster?.caFile),
      cert: await pem(user?.certData, user?.certFile),
      key: await pem(user?.keyData, user?.keyFile),
    });
  }

  /** Serves on loopback; answers a kubeconfig in the folder that leads through it, with a token and a CA file. */
  async start(folder: string): Promise<string> {
    await mkdir(folder, { recursive: true });
    const authority = await CertificateAuthority.ensure(folder, 'Foreign cluster');
    const leaf = await authority.issue({ commonName: 'proxy', names: ['127.0.0.1'], usage: 'server' });
    const server = createServer({ cert: leaf.cert, key: leaf.key }, (incoming, answer) =>
      this.pass(incoming, answer),
    );
    server.on('upgrade', (incoming, socket) => this.passUpgrade(incoming, socket as never));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    this.server = server;
    const { port } = server.address() as AddressInfo;
    const kubeconfig = join(folder, 'skyarc.kubeconfig');
    await writeFile(
      kubeconfig,
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        clusters: [
          { name: 'c', cluster: { server: `https://127.0.0.1:${port}`, 'certificate-authority': 'ca.crt' } },
        ],
        users: [{ name: 'skyarc', user: { token } }],
        contexts: [{ name: 'c', context: { cluster: 'c', user: 'skyarc' } }],
        'current-context': 'c',
      }),
    );
    return kubeconfig;
  }

  stop(): void {
    this.server?.close();
    this.server?.closeAllConnections();
  }

  private pass(incoming: IncomingMessage, answer: ServerResponse): void {
    const status = this.judge(incoming);
    if (status !== 200) {
      const message = `refused by the test's roles: ${rightOf(incoming)}`;
      answer.writeHead(status, { 'content-type': 'application/json' });
      answer.end(JSON.stringify({ kind: 'Status', status: 'Failure', code: status, message }));
      return;
    }
    const { authorization: _, ...headers } = incoming.headers;
    const outgoing = httpsRequest(this.target, {
      ...this.identity,
      method: incoming.method,
      path: incoming.url,
      headers: { ...headers, host: this.target.host },
    });
    outgoing.once('response', (response) => {
      answer.writeHead(response.statusCode ?? 502, response.headers);
      answer.flushHeaders();
      response.pipe(answer).once('close', () => response.destroy());
    });
    outgoing.once('error', () => answer.destroy());
    answer.once('close', () => outgoing.destroy());
    incoming.pipe(outgoing);
  }

  private passUpgrade(incoming: IncomingMessage, socket: NodeJS.ReadWriteStream & { destroy(): void }): void {
    if (this.judge(incoming) !== 200) {
      socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    const { hostname, port, host } = this.target;
    const upstream = connect({ ...this.identity, host: hostname, port: Number(port) }, () => {
      const headers = Object.entries({ ...incoming.headers, host })
        .filter(([name]) => name !== 'authorization')
        .map(([name, value]) => `${name}: ${String(value)}\r\n`);
      upstream.write(`GET ${incoming.url} HTTP/1.1\r\n${headers.join('')}\r\n`);
      upstream.pipe(socket).pipe(upstream);
    });
    upstream.once('error', () => socket.destroy());
    socket.once('error', () => upstream.destroy());
  }

  /** The HTTP status that an API server with these roles would begin with. */
  private judge(incoming: IncomingMessage): 200 | 401 | 403 {
    if (incoming.headers.authorization !== `Bearer ${token}`) return 401;
    const right = rightOf(incoming);
    // Every authenticated user may read this (role system:public-info-viewer).
    if (right === 'get /version') return 200;
    (this.granted.has(right) ? this.used : this.refused).add(right);
    return this.granted.has(right) ? 200 : 403;
  }
}

/** By value or by file, as kubeconfigs have it. */
async function pem(data = '', file = ''): Promise<string> {
  return data ? Buffer.from(data, 'base64').toString() : readFile(file, 'utf8');
}

async function rightsOf(file: string): Promise<Set<string>> {
  const roles = loadAllYaml(await readFile(file, 'utf8')) as { kind: string; rules?: Rule[] }[];
  const rules = roles.filter(({ kind }) => kind === 'ClusterRole').flatMap((role) => role.rules ?? []);
  return new Set(
    rules.flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) => verbs.map((verb) => `${verb} ${group}/${resource}`)),
      ),
    ),
  );
}

/** What a request needs, by the rules of https://kubernetes.io/docs/reference/access-authn-authz/authorization/. */
function rightOf({ method = 'GET', url = '' }: IncomingMessage): string {
  const { pathname, searchParams } = new URL(url, 'https://cluster');
  const match =
    /^\/(?:api|apis\/(?<group>[^/]+))\/v[^/]+(?:\/namespaces\/[^/]+(?=\/[^/]+))?\/(?<resource>[^/]+)(?:\/(?<name>[^/]+)(?:\/(?<sub>[^/]+)(?:\/.*)?)?)?$/.exec(
      pathname,
    );
  if (!match?.groups) return `${method.toLowerCase()} ${pathname}`;
  const { group = '', resource, name, sub } = match.groups;
  const reading = name ? 'get' : searchParams.has('watch') ? 'watch' : 'list';
  const verbs: Readonly<Record<string, string>> = {
    GET: reading,
    POST: 'create',
    PUT: 'update',
    PATCH: 'patch',
    DELETE: name ? 'delete' : 'deletecollection',
  };
  return `${verbs[method] ?? method} ${group}/${resource}${sub ? `/${sub}` : ''}`;
}
