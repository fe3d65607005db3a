import type { GatewaySettings } from '../config.ts';

/** TCP and UDP ports: every port of the range is listened on, l4.js finds its endpoint at each connection. */
export function renderStream(config: GatewaySettings, folder: string, scripts: string): string {
  if (!config.l4Ports) return '';
  const host = /^[^[]*:/.test(config.host) ? `[${config.host}]` : config.host;
  const { first, last } = config.l4Ports;
  const ports = first === last ? first : `${first}-${last}`;
  return `
stream {
  js_path ${scripts};
  js_import l4 from l4.js;
  js_set $l4_target l4.target;
  map "" $l4_files { default ${folder}; }
  proxy_connect_timeout ${config.connectTimeoutMs}ms;
  proxy_timeout ${config.l4IdleTimeoutMs}ms;
  proxy_socket_keepalive on;
  server {
    listen ${host}:${ports} backlog=1024 so_keepalive=on;
    js_access l4.access;
    proxy_pass $l4_target;
  }
  server {
    # The kernel keeps a client with one worker, which knows its session.
    listen ${host}:${ports} udp reuseport;
    js_access l4.access;
    proxy_pass $l4_target;
  }
}
`;
}
