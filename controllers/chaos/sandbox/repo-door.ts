import {
  createServer,
  type IncomingMessage,
  request as ask,
  type Server,
  type ServerResponse,
} from 'node:http';
import { closeHttp, listen } from '@skyarc/lib/lifecycle';
import { pipeline } from 'node:stream/promises';

/** The data centre's packages, as one build may read them. */
export interface RepoAccess {
  /** Address of the service as this machine reaches it. */
  readonly url: string;
  /** The Authorization header of the build's team, new for each request. */
  readonly authorization: () => string;
}

/** What a client of ours may say to the service, besides what it asks for. */
const passedOn = ['host', 'accept', 'user-agent', 'range', 'if-none-match', 'if-range'];

/**
 * One build's way to packages: it adds the team's grant on the way, so that no secret is within the sandbox,
 * where it could reach an image or a log. Reads only.
 */
export class RepoDoor {
  readonly port: number;
  private readonly server: Server;

  private constructor(server: Server, port: number) {
    this.server = server;
    this.port = port;
  }

  static async open(access: RepoAccess): Promise<RepoDoor> {
    const server = createServer((request, response) => {
      relay(access, request, response).catch(() => response.destroy());
    });
    return new RepoDoor(server, await listen(server, { host: '127.0.0.1', port: 0 }));
  }

  close(): Promise<void> {
    return closeHttp(this.server);
  }
}

async function relay(
  { url, authorization }: RepoAccess,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = '', url: path = '' } = request;
  // A whole address is asked for by who takes it for a proxy, as apt does; the service knows which it serves.
  if ((method !== 'GET' && method !== 'HEAD') || !/^(?:\/|http:\/\/)/.test(path)) {
    response.writeHead(405, { 'content-type': 'text/plain' }).end('Builds only read packages\n');
    return;
  }
  const kept = passedOn.flatMap((name) => (request.headers[name] ? [[name, request.headers[name]]] : []));
  const headers = { ...Object.fromEntries(kept), authorization: authorization() };
  const { hostname, port } = new URL(url);
  const answer = await new Promise<IncomingMessage | null>((resolve) => {
    ask({ hostname, port, method, path, headers }, resolve)
      .on('error', () => resolve(null))
      .end();
  });
  if (!answer) {
    response
      .writeHead(503, { 'content-type': 'text/plain' })
      .end('The service of packages does not answer\n');
    return;
  }
  response.writeHead(answer.statusCode ?? 502, answer.headers);
  await pipeline(answer, response);
}
