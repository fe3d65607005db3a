import { gatewayConfigSchema } from './config.ts';
import { renderNginxConf } from './render/nginx-conf.ts';
import { staticRoutes } from '../../test/bench/gateway-rival.ts';
import { cpuSeconds, childrenOf, median, wrk } from '../../test/bench/rounds.ts';
import { CertificateAuthority } from '@skyarc/lib/certificates';
import { cp, mkdir, writeFile, readFile, rm } from 'node:fs/promises';
import { spawn } from 'node:child_process';
import { sleep } from '@skyarc/lib/retry';
const variants: Record<string, (conf: string) => string> = {
  full: (c) => c,
  ...(process.env.V
    ? Object.fromEntries(
        process.env.V.split('%%').map((v) => {
          const [n, ...r] = v.split('=');
          return [
            n,
            (c: string) =>
              r
                .join('=')
                .split('&&')
                .reduce((x, one) => {
                  const [a, b] = one.split('=>');
                  if (!x.includes(a!)) throw new Error('no ' + a);
                  return x.replaceAll(a!, b!);
                }, c),
          ];
        }),
      )
    : {}),
};
const backend = 20430;
const kids: any[] = [];
const servers: [string, number, number[]][] = [];
let port = 20431;
await rm('/tmp/hedv/x', { recursive: true, force: true });
async function launch(dir: string, conf: string) {
  await mkdir(dir, { recursive: true });
  await writeFile(dir + '/nginx.conf', conf);
  const k = spawn('nginx', ['-p', dir, '-c', dir + '/nginx.conf', '-e', dir + '/e.log'], {
    stdio: 'inherit',
  });
  kids.push(k);
  await sleep(700);
  return childrenOf(k.pid!);
}
const wrap = (http: string, dir: string) =>
  `worker_processes 1; daemon off; pid ${dir}/pid; events { worker_connections 8192; } http { access_log off; tcp_nodelay on; keepalive_requests 100000; server_names_hash_max_size 65536; server_names_hash_bucket_size 128; ${http} }`;
try {
  await launch('/tmp/hedv/x/b', wrap(`server { listen *:${backend}; return 200 ok; }`, '/tmp/hedv/x/b'));
  for (const [name, change] of Object.entries(variants)) {
    const dir = `/tmp/hedv/x/${name}`;
    const c = gatewayConfigSchema.parse({
      dataDir: dir,
      httpPort: port,
      httpsPort: port + 20 < 20440 ? port + 20 : port - 10 + 0,
      workers: 1,
    });
    for (const d of ['lua', 'logs', 'temp', 'private']) await mkdir(`${dir}/${d}`, { recursive: true });
    await cp(import.meta.dirname + '/nginx/lua', dir + '/lua', { recursive: true });
    const a = await CertificateAuthority.ensure(dir + '/private', 'x');
    await a.ensureLeaf(dir + '/private', 'default', {
      commonName: 'localhost',
      names: ['localhost'],
      usage: 'server',
    });
    await writeFile(
      dir + '/private/state.txt',
      `h:h7.bench.test {"p":{"":[["d/h7","d/h7:80",0]]}}\nu:d/h7:80 [["127.88.0.7",${backend}]]\n`,
    );
    let conf = renderNginxConf(c, true).replace(/ *listen [^\n]*ssl http2[^\n]*\n/, '');
    conf = change(conf);
    servers.push([name, port, await launch(dir, conf)]);
    port++;
  }
  const dir = '/tmp/hedv/x/static';
  servers.push([
    'static',
    port,
    await launch(
      dir,
      wrap(
        staticRoutes(`127.0.0.1:${port}`, [{ host: 'h7.bench.test', endpoint: `127.88.0.7:${backend}` }]),
        dir,
      ),
    ),
  ]);
  const res = new Map<string, { rps: number[]; us: number[] }>();
  const sec = Number(process.env.SEC ?? 2);
  for (let i = 0; i < Number(process.env.N ?? 5); i++)
    for (const [name, p, pids] of servers) {
      const c0 = await cpuSeconds(pids);
      const r = await wrk(`http://127.0.0.1:${p}/`, 'h7.bench.test', { seconds: sec, connections: 32 });
      const us = (((await cpuSeconds(pids)) - c0) * 1e6) / (r.perSecond * sec);
      const x = res.get(name) ?? { rps: [], us: [] };
      res.set(name, x);
      if (i) {
        x.rps.push(r.perSecond);
        x.us.push(us);
      }
      if (r.failed) console.log(name, 'FAILED', r.failed);
    }
  for (const [n, x] of res)
    console.log(
      n.padEnd(12),
      'rps',
      median(x.rps).toFixed(0),
      'cpu',
      median(x.us).toFixed(1),
      'min',
      Math.min(...x.us).toFixed(1),
      'q1',
      x.us.toSorted((a, b) => a - b)[Math.floor(x.us.length / 4)]!.toFixed(1),
    );
} finally {
  for (const k of kids) k.kill('SIGQUIT');
}
