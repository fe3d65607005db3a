import type { IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { AppError, toAppError } from '@skyarc/lib/errors';
import { badRequest, statusOf } from '../errors.ts';
import type { NodeProxy } from '../node-proxy.ts';
import type { ApiObject } from '../object.ts';
import { containerTarget, podTarget } from './container-target.ts';
import { flag } from './exchange.ts';

/** WebSocket protocols of containerd's streaming server; a client that offers none of them falls back to SPDY. */
const webSocketProtocols = [
  'v4.channel.k8s.io',
  'v4.base64.channel.k8s.io',
  'channel.k8s.io',
  'base64.channel.k8s.io',
];

/** Headers of an upgrade that the streaming server must see. */
const forwarded = [
  'upgrade',
  'connection',
  'x-stream-protocol-version',
  'sec-websocket-key',
  'sec-websocket-version',
  'sec-websocket-protocol',
];

const loopback = /^(::ffff:)?127\.|^::1$/;

/** Whether the client asks where the streams are served and, being on this machine like they are, can go there itself. */
export function mayRedirect(request: IncomingMessage, url: URL): boolean {
  const isHere = loopback.test(request.socket.remoteAddress ?? '') && loopback.test(url.hostname);
  return isHere && request.headers['x-stream-redirect'] === 'allowed';
}

/** Sends the client to the one-time URL; what it streams then passes this process no more. */
export function redirectUpgrade(client: Duplex, url: URL): void {
  const lines = [
    'HTTP/1.1 307 Temporary Redirect',
    `Location: ${url}`,
    'Content-Length: 0',
    'Connection: close',
  ];
  client.end(`${lines.join('\r\n')}\r\n\r\n`);
}

/** The one-time URL at which a pod's exec, attach or port-forward is served. */
export function openStream(
  nodeProxy: NodeProxy | undefined,
  request: { readonly subresource: string; readonly pod: ApiObject; readonly query: URLSearchParams },
): Promise<URL> {
  const { subresource, pod, query } = request;
  if (!nodeProxy) throw new AppError('UNAVAILABLE', 'No node answers for the streams of pods');
  if (subresource === 'portforward') {
    const ports = query.getAll('ports').flatMap((text) => text.split(',').map(Number));
    if (ports.some((port) => !Number.isInteger(port) || port < 1 || port > 65_535))
      throw badRequest('invalid port');
    return nodeProxy.openPortForward(podTarget(pod), ports);
  }
  const target = containerTarget(pod, query.get('container') ?? undefined);
  const options = {
    stdin: flag(query, 'stdin'),
    stdout: flag(query, 'stdout'),
    stderr: flag(query, 'stderr') && !flag(query, 'tty'),
    tty: flag(query, 'tty'),
  };
  if (!options.stdin && !options.stdout && !options.stderr) {
    throw badRequest('you must specify at least 1 of stdin, stdout, stderr');
  }
  if (subresource === 'attach') return nodeProxy.openAttach(target, options);
  const command = query.getAll('command');
  if (command.length === 0) throw badRequest('you must specify a command to execute');
  return nodeProxy.openExec(target, { ...options, command });
}

/** Refuses with 400 an upgrade that the streaming server could not serve; before anything is started. */
export function checkUpgrade(request: IncomingMessage): void {
  const protocol = request.headers.upgrade?.toLowerCase();
  if (protocol === 'spdy/3.1') return;
  if (protocol !== 'websocket')
    throw badRequest(`unable to upgrade: unsupported protocol ${protocol ?? 'none'}`);
  if (offeredProtocols(request).length === 0) {
    throw badRequest(
      `unable to upgrade: unsupported WebSocket protocols; offered are ${webSocketProtocols.join(', ')}`,
    );
  }
}

function offeredProtocols(request: IncomingMessage): string[] {
  const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((each) => each.trim());
  return offered.filter((each) => webSocketProtocols.includes(each));
}

/** Repeats the client's upgrade at the URL and copies bytes both ways until either side ends. */
export function tunnel(request: IncomingMessage, client: Duplex, head: Buffer, url: URL): Promise<void> {
  return new Promise((resolve, reject) => {
    const server: Socket = connect({ host: url.hostname, port: Number(url.port) });
    const close = (): void => {
      client.destroy();
      server.destroy();
      resolve();
    };
    server.once('error', (cause) => {
      reject(
        new AppError('UNAVAILABLE', `The node's streaming server does not answer: ${cause.message}`, {
          cause,
        }),
      );
      server.destroy();
    });
    server.once('connect', () => {
      server.removeAllListeners('error');
      server.on('error', close).on('close', close);
      client.on('error', close).on('close', close);
      server.setNoDelay(true);
      server.write(upgradeRequest(request, url));
      if (head.length > 0) server.write(head);
      client.pipe(server);
      server.pipe(client);
    });
  });
}

function upgradeRequest(request: IncomingMessage, url: URL): string {
  const lines = [`${request.method ?? 'GET'} ${url.pathname}${url.search} HTTP/1.1`, `Host: ${url.host}`];
  for (const name of forwarded) {
    const isProtocol = name === 'sec-websocket-protocol' && request.headers[name] !== undefined;
    const values = isProtocol
      ? [offeredProtocols(request).join(', ')]
      : (request.headersDistinct[name] ?? []);
    for (const value of values) lines.push(`${name}: ${value}`);
  }
  if (request.method === 'POST') lines.push('Content-Length: 0');
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** An answer on a connection that was to be upgraded. */
export function refuseUpgrade(client: Duplex, error: unknown): void {
  if (client.destroyed) return;
  const status = statusOf(toAppError(error));
  const body = JSON.stringify(status);
  client.end(
    [
      `HTTP/1.1 ${status.code} ${String(status['reason'])}`,
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
  );
}
