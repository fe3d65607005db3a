import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Daemon } from '@skyarc/lib/process';

export interface StaticNginxOptions {
  readonly name: string;
  readonly folder: string;
  /** Of the http block. */
  readonly http: string;
  /** Answers 200 when it serves. */
  readonly probe: string;
}

/** An nginx with a file that somebody wrote by hand; one worker. */
export async function startStaticNginx(options: StaticNginxOptions): Promise<Daemon> {
  const { name, folder, http, probe } = options;
  await mkdir(folder, { recursive: true, mode: 0o711 });
  const conf = join(folder, 'nginx.conf');
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `  ${kind}_temp_path ${join(folder, kind)};\n`)
    .join('');
  await writeFile(
    conf,
    `worker_processes 1;
daemon off;
pid ${join(folder, 'master.pid')};
error_log ${join(folder, 'error.log')} error;
worker_rlimit_nofile 65536;
events { worker_connections 2560; }
http {
  access_log off;
  tcp_nodelay on;
  keepalive_requests 100000;
  server_names_hash_max_size 65536;
  server_names_hash_bucket_size 128;
${temp}${http}
}
`,
  );
  const daemon = new Daemon({
    name,
    folder,
    command: 'nginx',
    args: ['-p', folder, '-c', conf, '-e', join(folder, 'error.log')],
    ready: async () => (await fetch(probe).catch(() => null))?.ok ?? false,
  });
  await daemon.ensure();
  return daemon;
}

/** What somebody writes who knows nginx: kept connections, the usual headers, one server and upstream a route. */
export function staticRoutes(listen: string, routes: readonly { host: string; endpoint: string }[]): string {
  const upstreams = routes.map(
    ({ endpoint }, index) => `  upstream u${index} { server ${endpoint}; keepalive 64; }\n`,
  );
  const servers = routes.map(
    ({ host }, index) => `  server {
    listen ${listen};
    server_name ${host};
    location / {
      proxy_pass http://u${index};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Forwarded-Port $server_port;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Request-Id $request_id;
    }
  }
`,
  );
  return [...upstreams, ...servers].join('');
}
