/** Runs in a pod's network namespace: connects and listens as told by lines of JSON, one answer a line. */
import { createSocket } from 'node:dgram';
import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

interface Command {
  readonly do: 'connect' | 'listen' | 'hold' | 'echo';
  readonly host: string;
  readonly port: number;
  readonly protocol: 'tcp' | 'udp';
  readonly name: string;
  /** Of a datagram; any when absent. */
  readonly sourcePort?: number;
}

const timeoutMs = 700;
let held: Socket | undefined;

const actions: Record<Command['do'], (command: Command) => Promise<string>> = {
  connect: (command) => (command.protocol === 'udp' ? connectUdp(command) : connectTcp(command)),
  listen: async ({ port, protocol, name }) => {
    if (protocol === 'udp') {
      const socket = createSocket('udp4');
      socket.on('message', (_, peer) => socket.send(`${name} ${peer.address}`, peer.port, peer.address));
      await new Promise<void>((resolve) => socket.bind(port, resolve));
    } else {
      const server = createServer((socket) => {
        socket.on('error', () => socket.destroy());
        socket.write(`${name} ${socket.remoteAddress?.replace('::ffff:', '')}`);
        socket.on('data', (chunk) => socket.write(chunk));
      });
      await new Promise<void>((resolve) => server.listen(port, resolve));
    }
    return 'listening';
  },
  hold: ({ host, port }) =>
    new Promise((resolve) => {
      held = connect({ host, port, timeout: timeoutMs });
      held.once('data', (data) => resolve(data.toString()));
      held.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
    }),
  echo: () =>
    new Promise((resolve) => {
      const timer = setTimeout(() => resolve('silence'), timeoutMs);
      held?.once('data', (data) => {
        clearTimeout(timer);
        resolve(data.toString());
      });
      held?.write('still here');
    }),
};

function connectTcp({ host, port }: Command): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeoutMs });
    const end = (what: string) => {
      socket.destroy();
      resolve(what);
    };
    socket.once('data', (data) => end(data.toString()));
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code ?? ''));
    socket.once('timeout', () => end('timeout'));
  });
}

async function connectUdp({ host, port, sourcePort }: Command): Promise<string> {
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  await new Promise<void>((resolve) => socket.bind(sourcePort, resolve));
  const answer = await new Promise<string>((resolve) => {
    const timer = setTimeout(() => resolve('timeout'), timeoutMs);
    socket.once('close', () => clearTimeout(timer));
    socket.once('message', (message) => resolve(message.toString()));
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
    socket.send('ping', port, host);
  });
  socket.close();
  return answer;
}

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as Command;
  process.stdout.write(`${await actions[command.do](command)}\n`);
}
