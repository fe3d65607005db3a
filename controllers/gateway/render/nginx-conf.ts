import { join } from 'node:path';
import type { GatewaySettings } from '../config.ts';
import { requestIdentity } from './identity.ts';
import { renderLanes } from './nginx-lanes.ts';
import { renderStream } from './nginx-stream.ts';

/** Files of one gateway below its data folder. */
export function filesOf(dataDir: string) {
  return {
    conf: join(dataDir, 'nginx.conf'),
    lua: join(dataDir, 'lua'),
    /** One file a port with the endpoints of its Service, read at each new connection. */
    l4: join(dataDir, 'l4'),
    logs: join(dataDir, 'logs'),
    errorLog: join(dataDir, 'logs', 'error.log'),
    accessLog: join(dataDir, 'logs', 'access.log'),
    temp: join(dataDir, 'temp'),
    masterPid: join(dataDir, 'nginx-master.pid'),
    /** Only for the gateway's own user: the admin socket, the state with its private keys. */
    private: join(dataDir, 'private'),
    socket: join(dataDir, 'private', 'admin.sock'),
    state: join(dataDir, 'private', 'state.txt'),
    life: join(dataDir, 'private', 'life'),
  };
}

export interface NginxPlace {
  /** Workers then run as the configured user. */
  readonly asRoot: boolean;
  /** Of one nginx, from its start to its end: tells its requests from those of any other. */
  readonly life: string;
}

/** The whole nginx configuration; made of our own configuration alone, never of cluster objects. */
export function renderNginxConf(config: GatewaySettings, { asRoot, life }: NginxPlace): string {
  const files = filesOf(config.dataDir);
  return `${asRoot ? `user ${config.user};\n` : ''}worker_processes ${config.workers};
daemon off;
pid ${files.masterPid};
error_log ${files.errorLog} warn;
pcre_jit on;
# After a reload, old workers end their requests for so long.
worker_shutdown_timeout 60s;
# Slow hashes of passwords run here, beside the requests.
thread_pool passwords threads=1 max_queue=256;
load_module ${config.modulesDir}/ndk_http_module.so;
load_module ${config.modulesDir}/ngx_http_lua_module.so;
${config.l4Ports ? `load_module ${config.modulesDir}/ngx_stream_module.so;\nload_module ${config.modulesDir}/ngx_stream_js_module.so;\n` : ''}events { worker_connections ${config.workerConnections}; }

http {
${renderLua(config)}
${renderHttpBasics(config)}
${renderClients(config, life)}
  upstream plain_kept { ${renderPool('balance_plain', 512)} }
  upstream plain_fresh { ${renderPool('balance_plain', 0)} }
  upstream kept { ${renderPool('balance', 256)} }
  upstream kept_tls { ${renderPool('balance', 128)} }
  upstream kept_grpc { ${renderPool('balance', 128)} }
  upstream kept_grpcs { ${renderPool('balance', 128)} }
  upstream fresh { ${renderPool('balance', 0)} }

${renderServer(config, life)}
  server {
    listen unix:${files.socket};
    access_log off;
    client_max_body_size 0;
    client_body_buffer_size 1m;
    location / { content_by_lua_block { require("admin").serve() } }
  }
}
${renderStream(config, files.l4, files.lua)}`;
}

function renderLua(config: GatewaySettings): string {
  const files = filesOf(config.dataDir);
  return `  lua_package_path "${files.lua}/?.lua;;";
  lua_shared_dict state ${config.stateMemoryMb}m;
  lua_shared_dict metrics 16m;
  lua_shared_dict limits 16m;
  # A pattern that needs more steps does not match: no request can hold up others.
  lua_regex_match_limit 20000;
  lua_regex_cache_max_entries 8192;
  init_by_lua_block {
    require "resty.core"
    -- Global, as looking a module up would cost every phase more than most of them do.
    gateway = require "gateway"
    gateway.init(${config.maxBodyBytes})
    require("pages").load("${files.lua}/page.html")
    require("admin").restore("${files.state}")
    collectgarbage()
  }
  init_worker_by_lua_block {
    math.randomseed(ngx.worker.pid() * 7919 + ngx.now() * 1000)
    require("metrics").start()
    require("limits").start()
  }
  exit_worker_by_lua_block { require("metrics").flush() }`;
}

function renderHttpBasics(config: GatewaySettings): string {
  const files = filesOf(config.dataDir);
  return `
  server_tokens off;
  default_type application/octet-stream;
  tcp_nodelay on;
  keepalive_timeout 75s;
  keepalive_requests 100000;
  reset_timedout_connection on;
  client_header_timeout ${config.headerTimeoutMs}ms;
  client_body_timeout ${config.bodyTimeoutMs}ms;
  send_timeout ${config.readTimeoutMs}ms;
  # Enforced by Lua, as routes have limits of their own.
  client_max_body_size 0;
  client_body_temp_path ${files.temp}/body;
  proxy_temp_path ${files.temp}/proxy;
  fastcgi_temp_path ${files.temp}/fastcgi;
  uwsgi_temp_path ${files.temp}/uwsgi;
  scgi_temp_path ${files.temp}/scgi;
  large_client_header_buffers 4 16k;
  # One block for all that most requests need.
  request_pool_size 8k;
  variables_hash_max_size 2048;
  http2_max_concurrent_streams 256;

  # Without the try that the balancer declined, which has no address.
  map $upstream_addr $asked { default $upstream_addr; "~^ : (?<asked_after>.*)$" $asked_after; }
  map "$upstream_addr|$upstream_status" $answered { default $upstream_status; "|502" ""; "~^ : .*\\|502 : (?<answered_after>.*)$" $answered_after; }
  log_format json escape=json '{"at":"$time_iso8601","client":"$remote_addr","method":"$request_method",'
    '"host":"$host","uri":"$request_uri","status":$status,"bytes":$body_bytes_sent,"seconds":$request_time,'
    '"upstream":"$asked","upstreamStatus":"$answered","requestId":"$request_identity"}';
  access_log ${config.accessLog ? `${files.accessLog} json buffer=32k flush=1s` : 'off'};

  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_session_cache shared:tls:10m;
  ssl_session_timeout 1h;
  ssl_certificate ${files.private}/default.crt;
  ssl_certificate_key ${files.private}/default.key;`;
}

/** Who asks, and how: believed only from balancers that are trusted. */
function renderClients({ trustedProxies: trusted }: GatewaySettings, life: string): string {
  const chain = trusted.length
    ? `  real_ip_header X-Forwarded-For;
  real_ip_recursive on;
${trusted.map((each) => `  set_real_ip_from ${each};\n`).join('')}  geo $realip_remote_addr $from_trusted {
    default 0;
${trusted.map((each) => `    ${each} 1;\n`).join('')}  }
  map $from_trusted $forwarded_for { 0 $remote_addr; 1 $proxy_add_x_forwarded_for; }
  map "$from_trusted:$http_x_forwarded_proto" $forwarded_proto { default $scheme; "1:https" https; "1:http" http; }`
    : '  map "" $forwarded_proto { default $scheme; }';
  return `${chain}
  map $http_x_request_id $request_identity { default "${requestIdentity(life)}"; "~^[A-Za-z0-9._-]{8,64}$" $http_x_request_id; }
  # Only WebSocket is let through: an upgrade to h2c would tunnel past the routes.
  map $http_upgrade $upgrade { default ""; "~*^websocket$" websocket; }
  # What cannot be sent twice gets a connection of its own, as a kept one may be closed under it.
  map $request_method $upstream_group { default fresh; GET kept; HEAD kept; OPTIONS kept; DELETE kept; }
  map $upstream_group $plain_group { fresh plain_fresh; kept plain_kept; }
  map $request_method $upstream_group_tls { default fresh; GET kept_tls; HEAD kept_tls; OPTIONS kept_tls; DELETE kept_tls; }
  map $upstream_group $idle_connection { fresh close; kept ""; }
  map $upgrade $connection_header { "" $idle_connection; websocket upgrade; }
`;
}

/** An upstream of whatever the balancer says; idle connections end below the 5 s after which Node.js and others close. */
function renderPool(phase: 'balance' | 'balance_plain', keepalive: number): string {
  // A request without policy is tried as often as there are servers: Lua need not say so each time.
  const servers = phase === 'balance_plain' ? ['0.0.0.1', '0.0.0.2', '0.0.0.3'] : ['0.0.0.1'];
  return `${servers.map((each) => `server ${each}; `).join('')}balancer_by_lua_block { gateway.${phase}() }${
    keepalive > 0 ? ` keepalive ${keepalive}; keepalive_requests 100000; keepalive_timeout 4s;` : ''
  }`;
}

function renderServer(config: GatewaySettings, life: string): string {
  const host = /^[^[]*:/.test(config.host) ? `[${config.host}]` : config.host;
  const h2c = config.h2cPort
    ? `    listen ${host}:${config.h2cPort} http2 default_server backlog=4096;\n`
    : '';
  return `  server {
    listen ${host}:${config.httpPort} default_server backlog=4096;
    listen ${host}:${config.httpsPort} ssl http2 default_server backlog=4096;
${h2c}    server_name _;
    ssl_certificate_by_lua_block { gateway.certificate() }
    log_by_lua_block { gateway.log() }
${renderLanes(config, life)}
  }
`;
}
