import type { GatewaySettings } from '../config.ts';

/** Statuses of our own by which a request leaves `location /` for the lane in a variable. */
const toLane = 470;
const toSpecial = 471;

const gzipTypes =
  'text/plain text/css text/xml text/javascript application/json application/javascript application/xml application/ld+json application/manifest+json image/svg+xml';

/** What a route's policy needs of nginx as directives: each combination is a named location. */
export interface LaneNeeds {
  readonly protocol: 'HTTP' | 'HTTPS' | 'GRPC' | 'GRPCS';
  readonly bufferRequest: boolean;
  readonly bufferResponse: boolean;
  readonly retry5xx: boolean;
  readonly compress: boolean;
}

export function laneName({ protocol, ...needs }: LaneNeeds): string {
  const flags = [needs.bufferRequest, needs.bufferResponse, needs.retry5xx, needs.compress];
  return `@lane_${protocol.toLowerCase()}_${flags.map((flag) => (flag ? '1' : '0')).join('')}`;
}

/** Sizes at which a body of unknown length is cut while it is read; what is above the route's limit is refused then. */
const bodySteps = Array.from({ length: 15 }, (_, index) => 4_096 * 4 ** index);

export function bodyLaneName(limitBytes: number): string {
  const step = bodySteps.find((bytes) => bytes >= limitBytes) ?? bodySteps.at(-1);
  return `@body_${step}`;
}

export function renderLanes(config: GatewaySettings): string {
  const flags = [false, true];
  const protocols = ['HTTP', 'HTTPS', 'GRPC', 'GRPCS'] as const;
  const lanes = protocols.flatMap((protocol) =>
    flags.flatMap((bufferRequest) =>
      flags.flatMap((bufferResponse) =>
        flags.flatMap((retry5xx) =>
          flags.map((compress) =>
            renderLane({ protocol, bufferRequest, bufferResponse, retry5xx, compress }),
          ),
        ),
      ),
    ),
  );
  return `
    recursive_error_pages on;
    set $context "";
${renderProxy(config)}
${renderEntry('/', 'gateway')}    # A token that is not ours is the app's own affair.
${renderEntry('^~ /.well-known/acme-challenge/', 'acme')}    location @challenge { content_by_lua_block { require("acme").answer() } }
    # Requests that cannot be sent twice, and WebSocket.
    location @fresh {
      proxy_set_header Upgrade $upgrade;
      proxy_set_header Connection $connection_header;
${requestHeaders('proxy', '$http_host')}      proxy_pass http://$plain_group;
      log_by_lua_block { require("gateway").log_plain() }
      error_page 502 503 504 @failed;
    }
    location @none { content_by_lua_block { require("pages").send(404) } }
    location @unready { content_by_lua_block { require("pages").send(503) } }
    location @failed {
      header_filter_by_lua_block { require("gateway").answer() }
      content_by_lua_block { require("pages").send(ngx.status) }
    }
${bodySteps.map(renderBodyStep).join('')}${lanes.join('')}`;
}

/** Where requests come in; `module` finds their lane. */
function renderEntry(location: string, module: 'gateway' | 'acme'): string {
  return `    location ${location} {
      set_by_lua_block $lane { return require("${module}").lane() }
      if ($lane) { return ${toLane}; }
      if ($special) { return ${toSpecial}; }
      error_page ${toLane} = $lane;
      error_page ${toSpecial} = $special;
      error_page 502 503 504 @failed;
      proxy_pass http://plain_kept;
      log_by_lua_block { require("gateway").log_plain() }
    }
`;
}

function requestHeaders(module: 'proxy' | 'grpc', host: string): string {
  const set = (name: string, value: string) => `      ${module}_set_header ${name} ${value};\n`;
  return [
    set('Host', host),
    set('Proxy', '""'),
    set('X-Real-IP', '$remote_addr'),
    set('X-Forwarded-For', '$forwarded_for'),
    set('X-Forwarded-Host', '$http_host'),
    set('X-Forwarded-Port', '$server_port'),
    set('X-Forwarded-Proto', '$forwarded_proto'),
    set('X-Request-Id', '$request_identity'),
  ].join('');
}

/** Inherited by every location of the server. */
function renderProxy(config: GatewaySettings): string {
  const timeouts = (module: 'proxy' | 'grpc') => `    ${module}_connect_timeout ${config.connectTimeoutMs}ms;
    ${module}_read_timeout ${config.readTimeoutMs}ms;
    ${module}_send_timeout ${config.readTimeoutMs}ms;
    ${module}_socket_keepalive on;
    # A connection that failed is tried elsewhere; an answer that takes long is not asked for twice.
    ${module}_next_upstream error timeout;
    ${module}_next_upstream_tries 0;
    ${module}_next_upstream_timeout ${config.connectTimeoutMs * 3}ms;
    ${module}_pass_header Server;
    ${module}_pass_header Date;
    ${module}_ssl_server_name on;
    ${module}_ssl_verify off;
`;
  return `${timeouts('proxy')}${timeouts('grpc')}    proxy_http_version 1.1;
    proxy_set_header Connection "";
${requestHeaders('proxy', '$http_host')}${requestHeaders('grpc', '$http_host')}    proxy_ignore_headers X-Accel-Redirect X-Accel-Expires X-Accel-Limit-Rate X-Accel-Buffering X-Accel-Charset;
    grpc_ignore_headers X-Accel-Redirect X-Accel-Charset;
    proxy_redirect off;
    proxy_buffering off;
    proxy_request_buffering off;
    proxy_buffer_size 16k;
    proxy_buffers 8 16k;
    gzip_types ${gzipTypes};
    gzip_min_length 1024;
    gzip_proxied any;
    gzip_vary on;
    gzip_comp_level 4;
`;
}

/** Counts a body of unknown length by reading it whole. */
function renderBodyStep(bytes: number): string {
  return `    location @body_${bytes} {
      client_max_body_size ${bytes};
      access_by_lua_block { require("gateway").count_body() }
      proxy_pass http://fresh;
    }
`;
}

function renderLane(needs: LaneNeeds): string {
  const tls = needs.protocol === 'HTTPS' || needs.protocol === 'GRPCS';
  const isGrpc = needs.protocol.startsWith('GRPC');
  const module = isGrpc ? 'grpc' : 'proxy';
  const lines = [
    'access_by_lua_block { require("gateway").enter() }',
    'header_filter_by_lua_block { require("gateway").answer() }',
    'set $upstream_host $http_host;',
    `${module}_next_upstream_timeout 0;`,
    needs.retry5xx && `${module}_next_upstream error timeout http_500 http_502 http_503 http_504;`,
    needs.bufferRequest && !isGrpc && 'proxy_request_buffering on;',
    needs.bufferResponse && !isGrpc && 'proxy_buffering on;',
    needs.compress && 'gzip on;',
    tls && `${module}_ssl_name $upstream_host;`,
    !isGrpc && 'proxy_set_header Upgrade $upgrade;',
    !isGrpc && 'proxy_set_header Connection $connection_header;',
    isGrpc
      ? `grpc_pass ${tls ? 'grpcs://kept_grpcs' : 'grpc://kept_grpc'};`
      : `proxy_pass ${tls ? 'https://$upstream_group_tls' : 'http://$upstream_group'};`,
    'error_page 502 503 504 @failed;',
  ];
  const body = lines.filter((line) => line !== false).map((line) => `      ${line}\n`);
  return `    location ${laneName(needs)} {\n${body.join('')}${requestHeaders(module, '$upstream_host')}    }\n`;
}
