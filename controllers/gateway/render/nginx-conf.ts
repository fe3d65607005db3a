import { join } from 'node:path';
import type { GatewaySettings } from '../config.ts';

/** Files of one gateway below its data folder. */
export function filesOf(dataDir: string) {
  return {
    conf: join(dataDir, 'nginx.conf'),
    lua: join(dataDir, 'lua'),
    logs: join(dataDir, 'logs'),
    errorLog: join(dataDir, 'logs', 'error.log'),
    accessLog: join(dataDir, 'logs', 'access.log'),
    temp: join(dataDir, 'temp'),
    masterPid: join(dataDir, 'nginx-master.pid'),
    /** Only for the gateway's own user: the admin socket, the state with its private keys. */
    private: join(dataDir, 'private'),
    socket: join(dataDir, 'private', 'admin.sock'),
    state: join(dataDir, 'private', 'state.json'),
  };
}

/** The whole nginx configuration; made of our own configuration alone, never of cluster objects. */
export function renderNginxConf(config: GatewaySettings, asRoot: boolean): string {
  const files = filesOf(config.dataDir);
  const trusted = config.trustedProxies;
  const host = /^[^[]*:/.test(config.host) ? `[${config.host}]` : config.host;
  return `${asRoot ? `user ${config.user};\n` : ''}worker_processes ${config.workers};
daemon off;
pid ${files.masterPid};
error_log ${files.errorLog} warn;
pcre_jit on;
# After a reload, old workers end their requests for so long.
worker_shutdown_timeout 60s;
load_module ${config.modulesDir}/ndk_http_module.so;
load_module ${config.modulesDir}/ngx_http_lua_module.so;
events { worker_connections 8192; }

http {
  lua_package_path "${files.lua}/?.lua;;";
  lua_shared_dict state ${config.stateMemoryMb}m;
  lua_shared_dict metrics 16m;
  init_by_lua_block {
    require "resty.core"
    require "gateway"
    require("pages").load("${files.lua}/page.html")
    require("admin").restore("${files.state}")
  }
  init_worker_by_lua_block { require("metrics").start() }
  exit_worker_by_lua_block { require("metrics").flush() }

  server_tokens off;
  default_type application/octet-stream;
  tcp_nodelay on;
  keepalive_timeout 75s;
  keepalive_requests 100000;
  reset_timedout_connection on;
  client_header_timeout 30s;
  client_body_timeout ${config.readTimeoutMs}ms;
  send_timeout ${config.readTimeoutMs}ms;
  client_max_body_size ${config.maxBodyBytes};
  client_body_temp_path ${files.temp}/body;
  proxy_temp_path ${files.temp}/proxy;
  fastcgi_temp_path ${files.temp}/fastcgi;
  uwsgi_temp_path ${files.temp}/uwsgi;
  scgi_temp_path ${files.temp}/scgi;
  large_client_header_buffers 4 16k;
  variables_hash_max_size 2048;

  log_format json escape=json '{"at":"$time_iso8601","client":"$remote_addr","method":"$request_method",'
    '"host":"$host","uri":"$request_uri","status":$status,"bytes":$body_bytes_sent,"seconds":$request_time,'
    '"upstream":"$upstream_addr","upstreamStatus":"$upstream_status","requestId":"$request_identity"}';
  access_log ${config.accessLog ? `${files.accessLog} json buffer=32k flush=1s` : 'off'};

${trusted.length > 0 ? `  real_ip_header X-Forwarded-For;\n  real_ip_recursive on;\n${trusted.map((each) => `  set_real_ip_from ${each};\n`).join('')}` : ''}  geo $realip_remote_addr $from_trusted {
    default 0;
${trusted.map((each) => `    ${each} 1;\n`).join('')}  }
  map $from_trusted $forwarded_for { 0 $remote_addr; 1 $proxy_add_x_forwarded_for; }
  map "$from_trusted:$http_x_forwarded_proto" $forwarded_proto { default $scheme; "1:https" https; "1:http" http; }
  map $http_x_request_id $request_identity { default $request_id; "~^[A-Za-z0-9._-]{8,64}$" $http_x_request_id; }
  # Only WebSocket is let through: an upgrade to h2c would tunnel past the routes.
  map $http_upgrade $upgrade { default ""; "~*^websocket$" websocket; }
  # What cannot be sent twice gets a connection of its own, as a kept one may be closed under it.
  map $request_method $upstream_group { default fresh; GET kept; HEAD kept; OPTIONS kept; DELETE kept; }
  map $upstream_group $idle_connection { fresh close; kept ""; }
  map $upgrade $connection_header { "" $idle_connection; websocket upgrade; }

  upstream kept {
    server 0.0.0.1;
    balancer_by_lua_block { require("gateway").balance() }
    keepalive 512;
    keepalive_requests 100000;
    # Below the 5 s after which Node.js and others close an idle connection.
    keepalive_timeout 4s;
  }
  upstream fresh {
    server 0.0.0.1;
    balancer_by_lua_block { require("gateway").balance() }
  }

  ssl_protocols TLSv1.2 TLSv1.3;
  ssl_session_cache shared:tls:10m;
  ssl_session_timeout 1h;
  ssl_certificate ${files.private}/default.crt;
  ssl_certificate_key ${files.private}/default.key;

  server {
    listen ${host}:${config.httpPort} default_server backlog=4096;
    listen ${host}:${config.httpsPort} ssl http2 default_server backlog=4096;
    server_name _;
    ssl_certificate_by_lua_block { require("gateway").certificate() }

    location / {
      access_by_lua_block { require("gateway").route() }
      log_by_lua_block { require("gateway").log() }
      proxy_pass http://$upstream_group;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $upgrade;
      proxy_set_header Connection $connection_header;
      proxy_set_header Proxy "";
      proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $forwarded_for;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Forwarded-Port $server_port;
      proxy_set_header X-Forwarded-Proto $forwarded_proto;
      proxy_set_header X-Request-Id $request_identity;
      proxy_pass_header Server;
      proxy_pass_header Date;
      proxy_ignore_headers X-Accel-Redirect X-Accel-Expires X-Accel-Limit-Rate X-Accel-Buffering X-Accel-Charset;
      proxy_redirect off;
      proxy_buffering off;
      proxy_request_buffering off;
      proxy_buffer_size 16k;
      proxy_buffers 8 16k;
      proxy_connect_timeout ${config.connectTimeoutMs}ms;
      proxy_read_timeout ${config.readTimeoutMs}ms;
      proxy_send_timeout ${config.readTimeoutMs}ms;
      proxy_socket_keepalive on;
      # A connection that failed is tried elsewhere; an answer that takes long is not asked for twice.
      proxy_next_upstream error timeout;
      proxy_next_upstream_tries 3;
      proxy_next_upstream_timeout ${config.connectTimeoutMs * 3}ms;
      error_page 502 503 504 @failed;
    }
    location @failed {
      log_by_lua_block { require("gateway").log() }
      content_by_lua_block { require("pages").send(ngx.status) }
    }
  }

  server {
    listen unix:${files.socket};
    access_log off;
    client_max_body_size 0;
    client_body_buffer_size 1m;
    location / { content_by_lua_block { require("admin").serve() } }
  }
}
`;
}
