import type { GatewaySettings } from '../config.ts';
import { requestIdentity } from './identity.ts';

/** Statuses of our own: to the lane in a variable, and to the location that finds it. */
const toLane = 470;
const toEntry = 471;

const gzipTypes =
  'text/plain text/css text/xml text/javascript application/json application/javascript application/xml application/ld+json application/manifest+json image/svg+xml';

/** What a route's policy needs of nginx as directives: each combination is a named location. */
export interface LaneNeeds {
  /** Whether it is over TLS is no matter of the lane. */
  readonly protocol: 'HTTP' | 'HTTPS' | 'GRPC' | 'GRPCS';
  /** Of HTTP and HTTPS. */
  readonly bufferResponse: boolean;
  readonly retry5xx: boolean;
}

export function laneName({ protocol, ...needs }: LaneNeeds): string {
  const isGrpc = protocol.startsWith('GRPC');
  const flags = [needs.bufferResponse && !isGrpc, needs.retry5xx];
  return `@lane_${isGrpc ? 'grpc' : 'http'}_${flags.map((flag) => (flag ? '1' : '0')).join('')}`;
}

/** Sizes at which a body of unknown length is cut while it is read; what is above the route's limit is refused then. */
const bodySteps = Array.from({ length: 7 }, (_, index) => 4_096 * 32 ** index);

export function bodyLaneName(limitBytes: number): string {
  const step = bodySteps.find((bytes) => bytes >= limitBytes) ?? bodySteps.at(-1);
  return `@body_${step}`;
}

export function renderLanes(config: GatewaySettings, life: string): string {
  const flags = [false, true];
  const protocols = ['HTTP', 'GRPC'] as const;
  // Each costs memory of every worker, so that there is one for each name.
  const lanes = new Map<string, string>();
  for (const protocol of protocols)
    for (const bufferResponse of flags)
      for (const retry5xx of flags) {
        const needs = { protocol, bufferResponse, retry5xx };
        lanes.set(laneName(needs), renderLane(config, needs));
      }
  return `
    recursive_error_pages on;
${renderProxy(config)}
${renderShortWay(config, life)}${renderEntry(config)}    # A token that is not ours is the app's own affair.
    location ^~ /.well-known/acme-challenge/ {
      set_by_lua_block $lane { return require("acme").lane() }
      error_page ${toLane} = $lane;
      return ${toLane};
    }
    location @challenge { content_by_lua_block { require("acme").answer() } }
    location @page { content_by_lua_block { gateway.page() } }
    location @failed {
      header_filter_by_lua_block { gateway.answer() }
      content_by_lua_block { require("pages").send(ngx.status) }
    }
${bodySteps.map(renderBodyStep).join('')}${[...lanes.values()].join('')}`;
}

/**
 * Where requests come in. Most are for a rule without policy and can be sent twice: they go straight on, and the balancer
 * finds their rule. What the balancer declines, and what the first endpoint failed at, goes to `@entry`; so does whatever
 * could not go there later: with a body, of which a part may have been read by then, or not to be sent twice over HTTP/2.
 */
function renderShortWay(config: GatewaySettings, life: string): string {
  // A limit for all bodies is a policy of all rules.
  if (config.maxBodyBytes > 0)
    return `    location / {\n      error_page ${toEntry} = @entry;\n      return ${toEntry};\n    }\n`;
  const unusual = [
    '$content_length',
    '$http_transfer_encoding',
    '$http2',
    '$http_upgrade',
    '$http_x_request_id',
  ];
  return `    location / {
${unusual.map((variable) => `      if (${variable}) { return ${toEntry}; }\n`).join('')}      # Not "error": nginx would ask the balancer that declined again, without end.
      proxy_next_upstream timeout;
      error_page ${toEntry} 502 = @entry;
      error_page 503 504 @failed;
${joinedHeaders(config, life)}      proxy_pass http://plain_kept;
    }
`;
}

/** Finds the lane of a request, or passes it on. */
function renderEntry(config: GatewaySettings): string {
  return `    location @entry {
      set_by_lua_block $lane { return gateway.lane() }
      if ($lane) { return ${toLane}; }
      error_page ${toLane} = $lane;
      error_page 502 503 504 @failed;
      proxy_set_header Upgrade $upgrade;
      proxy_set_header Connection $connection_header;
${requestHeaders('proxy', '$http_host', config)}      proxy_pass http://$plain_group;
    }
`;
}

const setHeader = (module: 'proxy' | 'grpc', name: string, value: string) =>
  `      ${module}_set_header ${name} ${value};\n`;

/** Straight from nginx when nobody else is believed: a map costs every request. */
function clientOf({ trustedProxies }: GatewaySettings): { client: string; scheme: string } {
  return trustedProxies.length
    ? { client: '$forwarded_for', scheme: '$forwarded_proto' }
    : { client: '$remote_addr', scheme: '$scheme' };
}

function requestHeaders(module: 'proxy' | 'grpc', host: string, config: GatewaySettings): string {
  const { client, scheme } = clientOf(config);
  return [
    setHeader(module, 'Host', host),
    setHeader(module, 'Proxy', '""'),
    setHeader(module, 'X-Real-IP', '$remote_addr'),
    setHeader(module, 'X-Forwarded-For', client),
    setHeader(module, 'X-Forwarded-Host', '$http_host'),
    setHeader(module, 'X-Forwarded-Port', '$server_port'),
    setHeader(module, 'X-Forwarded-Proto', scheme),
    setHeader(module, 'X-Request-Id', '$request_identity'),
  ].join('');
}

/**
 * The same for most requests, at less cost: what is never empty goes as lines of one header, as nginx runs a script for
 * each. Those lines are set to nothing by name, so that none comes from the client; that costs no request anything.
 */
function joinedHeaders(config: GatewaySettings, life: string): string {
  const { client, scheme } = clientOf(config);
  const lines = [
    ['X-Forwarded-For', client],
    ['X-Forwarded-Port', '$server_port'],
    ['X-Forwarded-Proto', scheme],
    ['X-Request-Id', requestIdentity(life)],
  ] as const;
  return [
    setHeader('proxy', 'Host', '$http_host'),
    ...['Connection', 'Proxy', ...lines.map(([name]) => name)].map((name) => setHeader('proxy', name, '""')),
    setHeader('proxy', 'X-Forwarded-Host', '$http_host'),
    setHeader(
      'proxy',
      'X-Real-IP',
      `"$remote_addr${lines.map(([name, value]) => `\\r\\n${name}: ${value}`).join('')}"`,
    ),
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
${requestHeaders('proxy', '$http_host', config)}${requestHeaders('grpc', '$http_host', config)}    proxy_ignore_headers X-Accel-Redirect X-Accel-Expires X-Accel-Limit-Rate X-Accel-Buffering X-Accel-Charset;
    grpc_ignore_headers X-Accel-Redirect X-Accel-Charset;
    proxy_redirect off;
    proxy_buffering off;
    proxy_request_buffering off;
    proxy_buffer_size 16k;
    proxy_buffers 8 16k;
    gzip_types ${gzipTypes};
    gzip_min_length 1024;
    gzip_proxied any;
    gzip_comp_level 4;
`;
}

/** Counts a body of unknown length by reading it whole. */
function renderBodyStep(bytes: number): string {
  return `    location @body_${bytes} {
      client_max_body_size ${bytes};
      access_by_lua_block { gateway.count_body() }
      proxy_pass http://fresh;
    }
`;
}

function renderLane(config: GatewaySettings, needs: LaneNeeds): string {
  const isGrpc = needs.protocol.startsWith('GRPC');
  const module = isGrpc ? 'grpc' : 'proxy';
  const lines = [
    'access_by_lua_block { gateway.enter() }',
    'header_filter_by_lua_block { gateway.answer() }',
    'set $upstream_host $http_host;',
    `${module}_next_upstream_timeout 0;`,
    needs.retry5xx && `${module}_next_upstream error timeout http_500 http_502 http_503 http_504;`,
    needs.bufferResponse && !isGrpc && 'proxy_buffering on;',
    // Of routes that do not want it policy.lua keeps nginx.
    'gzip on;',
    `${module}_ssl_name $upstream_host;`,
    // Lua names another for apps that speak TLS.
    `set $target ${isGrpc ? 'grpc://kept_grpc' : 'http://$upstream_group'};`,
    !isGrpc && 'proxy_set_header Upgrade $upgrade;',
    !isGrpc && 'proxy_set_header Connection $connection_header;',
    `${module}_pass $target;`,
    'error_page 502 503 504 @failed;',
  ];
  const body = lines.filter((line) => line !== false).map((line) => `      ${line}\n`);
  return `    location ${laneName(needs)} {\n${body.join('')}${requestHeaders(module, '$upstream_host', config)}    }\n`;
}
