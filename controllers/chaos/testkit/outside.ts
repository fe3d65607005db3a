import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { run } from '@skyarc/lib/process';

/** A server that is neither this machine nor a private address of it, as the internet is. */
export interface Outside {
  readonly address: string;
  readonly port: number;
  /** How many connections it has seen. */
  readonly count: () => number;
  readonly stop: () => Promise<void>;
}

/** In a network namespace of that name, at most 13 characters; what an earlier run left goes. */
export async function startOutside(name: string): Promise<Outside> {
  // Of TEST-NET-2 (RFC 5737).
  const [here, address, port] = ['198.51.100.93', '198.51.100.94', 8080];
  const remove = () => run('ip', ['netns', 'delete', name]);
  await remove();
  await run('ip', ['link', 'delete', `${name}-h`]);
  await ip('netns', 'add', name);
  await ip('link', 'add', `${name}-h`, 'type', 'veth', 'peer', 'name', `${name}-i`, 'netns', name);
  await ip('address', 'add', `${here}/30`, 'dev', `${name}-h`);
  await ip('link', 'set', `${name}-h`, 'up');
  await ip('-n', name, 'address', 'add', `${address}/30`, 'dev', `${name}-i`);
  await ip('-n', name, 'link', 'set', `${name}-i`, 'up');
  const program = `require('net').createServer((s) => { console.log('seen'); s.on('error', () => {}); s.end('hello\\n'); }).listen(${port}, () => console.log('ready'))`;
  const child = spawn('ip', ['netns', 'exec', name, process.execPath, '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let seen = 0;
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    seen = text.split('seen').length - 1;
  });
  while (!text.includes('ready')) await once(child.stdout, 'data');
  return {
    address,
    port,
    count: () => seen,
    stop: async () => {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
      await remove();
    },
  };
}

async function ip(...args: readonly string[]): Promise<void> {
  const { code, stderr } = await run('ip', args);
  if (code !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`);
}
