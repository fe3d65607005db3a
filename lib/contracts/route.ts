import { z } from 'zod';
import { cookieName, headerName, headerValue, pattern, routeMatch } from './route-match.ts';

/** Annotation of an Ingress: JSON of {@link routePolicy}, for every path of the Ingress. */
export const routeAnnotation = 'skyarc.dev/route';
/** Annotation of a Service: JSON of {@link l4Ports}. */
export const l4Annotation = 'skyarc.dev/l4';
/** Type of the Secrets that `basicAuth.secretName` names. */
export const htpasswdSecretType = 'skyarc.dev/htpasswd';
/** Key of such a Secret: lines `user:hash`, hash being $2y$ or $2b$ (cost <= 12), $6$, $5$ or $apr1$. */
export const htpasswdSecretKey = 'auth';

const port = z.int().min(1, 'A port is 1 to 65535').max(65_535, 'A port is 1 to 65535');
const seconds = (max: number) =>
  z.number().min(0.1, 'At least 0.1 seconds').max(max, `At most ${max} seconds`);
const urlPath = z
  .string()
  .max(512, 'A path has at most 512 characters')
  .regex(
    /^\/[A-Za-z0-9\-._~!$&()*+,;=:@/%]*$/,
    'A path begins with "/" and has no spaces, quotes, "?" or "#"',
  )
  .refine((path) => !/(^|\/)\.{1,2}(\/|$)/.test(path), 'A path has no "." or ".." elements');
const host = z
  .string()
  .max(253, 'A host name has at most 253 characters')
  .regex(
    /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*(:\d{1,5})?$/,
    'is not a host name such as shop.example.com',
  );
const serviceName = z
  .string()
  .regex(/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/, 'is not the name of a Service (RFC 1035 label)');
const secretName = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'is not the name of a Secret');
const cidr = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], {
  error: 'is not an IP address or network such as 10.0.0.0/8',
});
const cidrs = z.array(cidr).max(256, 'At most 256 networks').default([]);
const cookieTtl = z
  .int()
  .min(1)
  .max(31_536_000, 'At most a year')
  .nullish()
  .describe('Life of the cookie; absent: until the browser closes');

/** Names that HTTP itself or the gateway owns: setting them would let one request become two. */
const hopByHop =
  /^(host|connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|content-length|content-encoding|x-forwarded-.*|x-real-ip)$/i;
const settableName = headerName.refine((name) => !hopByHop.test(name), {
  error: ({ input }) => `"${String(input)}" is managed by the gateway`,
});
const headerField = z.object({ name: settableName, value: headerValue });
const headerEdits = z.object({
  /** Replaces the header. */
  set: z.array(headerField).max(32, 'At most 32 headers').default([]),
  /** Adds a further one beside what is there. */
  add: z.array(headerField).max(32, 'At most 32 headers').default([]),
  remove: z.array(settableName).max(32, 'At most 32 headers').default([]),
});

/** What a hash or a limit is taken of. */
const keyOf = <K extends 'URI' | 'IP' | 'HEADER' | 'COOKIE' | 'ROUTE'>(...kinds: [K, ...K[]]) =>
  z
    .object({ by: z.enum(kinds), name: headerName.or(cookieName).nullish() })
    .refine(
      ({ by, name }) => (by === 'HEADER' || by === 'COOKIE') === Boolean(name),
      'HEADER and COOKIE have a name, others have none',
    );

/** Who stays on the target that was drawn for them. */
export const splitSticky = z.discriminatedUnion('by', [
  z.object({ by: z.literal('COOKIE'), name: cookieName.default('skyarc-split'), ttlSeconds: cookieTtl }),
  z.object({ by: z.literal('HEADER'), name: headerName }),
  z.object({ by: z.literal('CLIENT_IP') }),
]);

/** A Service of the Ingress's namespace that takes a share of a route. */
export const splitTarget = z.object({
  service: serviceName,
  port,
  /** Share = weight / sum of weights of targets without `match` that have endpoints. */
  weight: z
    .int()
    .min(0, 'A weight is 0 to 1000')
    .max(1_000, 'A weight is 0 to 1000')
    .default(0)
    .describe('0 to 1000; has no meaning beside match'),
  /** Takes every request that matches, before weights are drawn; the first such target wins. */
  match: routeMatch.nullish(),
});

export const routePolicy = z
  .object({
    /** How the paths of the Ingress are read; absent: as the Ingress says. REGEX is anchored at the start. */
    pathType: z.enum(['PREFIX', 'EXACT', 'REGEX']).nullish(),
    /** Requests that do not match fall to the next rule of the host, never to 404 because of a cookie. */
    match: routeMatch.nullish(),
    /** Over several Services; when no target can take the request, the Ingress's own backend does. */
    split: z
      .object({
        targets: z.array(splitTarget).min(1, 'A split needs a target').max(16, 'At most 16 targets'),
        sticky: splitSticky.nullish(),
      })
      .nullish(),
    /** Of the path only; the query stays. PREFIX replaces what the route's path matched. */
    rewrite: z
      .discriminatedUnion('kind', [
        z.object({ kind: z.literal('PREFIX'), to: urlPath }),
        z.object({
          kind: z.literal('REGEX'),
          pattern,
          /** `$1` to `$9` stand for groups. */
          replacement: z
            .string()
            .max(512)
            .regex(
              /^\/[A-Za-z0-9\-._~!$&()*+,;=:@/%]*$/,
              'A replacement is a path, $1 to $9 stand for groups',
            ),
        }),
      ])
      .nullish(),
    /** Answered by the gateway; parts left out stay as the request has them. */
    redirect: z
      .object({
        scheme: z.enum(['HTTP', 'HTTPS']).nullish(),
        host: host.nullish(),
        port: port.nullish(),
        path: urlPath.nullish(),
        status: z.union([301, 302, 303, 307, 308].map((code) => z.literal(code))).default(302),
      })
      .nullish(),
    requestHeaders: headerEdits.nullish(),
    responseHeaders: headerEdits.nullish(),
    /** Host header that the app sees; absent: the one that the client sent. */
    upstreamHost: host.nullish(),
    timeouts: z
      .object({
        connectSeconds: seconds(75).nullish(),
        sendSeconds: seconds(86_400).nullish(),
        readSeconds: seconds(86_400).nullish(),
      })
      .nullish(),
    /** 0: unlimited; absent: the gateway's own limit. More is answered 413. */
    maxBodyBytes: z.int().min(0).max(1_099_511_627_776, 'At most 1 TiB').nullish(),
    /** Whether bodies are gathered before they are passed on; absent: streamed. */
    buffering: z
      .object({ request: z.boolean().default(false), response: z.boolean().default(false) })
      .nullish(),
    /** `requests` in `perSeconds` on average and `burst` more at once; counted over all workers of one gateway. */
    rateLimit: z
      .object({
        requests: z.int().min(1).max(1_000_000),
        perSeconds: z.int().min(1).max(3_600, 'At most an hour').default(1),
        burst: z.int().min(0).max(1_000_000).default(0),
        key: keyOf('IP', 'HEADER', 'ROUTE').default({ by: 'IP' }),
        status: z.int().min(400).max(599).default(429),
      })
      .nullish(),
    /** Requests in flight; more are answered `status`. */
    connectionLimit: z
      .object({
        perIp: z.int().min(1).max(1_000_000).nullish(),
        total: z.int().min(1).max(1_000_000).nullish(),
        status: z.int().min(400).max(599).default(503),
      })
      .nullish(),
    /** When not empty, only these networks may ask; others get 403. */
    ipAllow: cidrs,
    /** Never may ask, even if allowed. */
    ipDeny: cidrs,
    basicAuth: z
      .object({
        /** Secret of {@link htpasswdSecretType} in the Ingress's namespace. */
        secretName,
        realm: z
          .string()
          .max(64)
          .regex(/^[A-Za-z0-9 ._-]*$/, 'A realm has only letters, digits, spaces and . _ -')
          .default('Restricted'),
      })
      .nullish(),
    cors: z
      .object({
        /** `https://shop.test`, `https://*.shop.test` (one or more labels), `*`; patterns are in `originPatterns`. */
        origins: z
          .array(
            z
              .string()
              .max(256)
              .regex(
                /^(\*|https?:\/\/(\*\.)?[a-z0-9.-]+(:\d{1,5})?|null)$/,
                'An origin is *, or like https://shop.test or https://*.shop.test',
              ),
          )
          .max(64, 'At most 64 origins')
          .default([]),
        /** Must match the whole origin. */
        originPatterns: z.array(pattern).max(16, 'At most 16 patterns').default([]),
        methods: z
          .array(z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']))
          .default(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']),
        /** Empty: whatever the browser asks for. */
        headers: z.array(headerName).max(64).default([]),
        exposeHeaders: z.array(headerName).max(64).default([]),
        credentials: z.boolean().default(false),
        maxAgeSeconds: z.int().min(0).max(86_400, 'At most a day').default(600),
      })
      .refine(
        ({ origins, originPatterns }) => origins.length + originPatterns.length > 0,
        'CORS needs an origin',
      )
      .refine(({ origins, credentials }) => !credentials || !origins.includes('*'), {
        path: ['credentials'],
        message: 'Credentials need named origins, not *',
      })
      .nullish(),
    /** HTTP is answered 308 to the same address by HTTPS. */
    httpsRedirect: z.boolean().default(false),
    /** Strict-Transport-Security (RFC 6797), sent over HTTPS only. */
    hsts: z
      .object({
        maxAgeSeconds: z.int().min(0).max(63_072_000, 'At most two years').default(31_536_000),
        includeSubDomains: z.boolean().default(false),
        preload: z.boolean().default(false),
      })
      .nullish(),
    /** What the app speaks. WebSocket needs nothing; GRPC is HTTP/2 without TLS. */
    protocol: z.enum(['HTTP', 'HTTPS', 'GRPC', 'GRPCS']).default('HTTP'),
    /** A client stays on the endpoint that it got, while that is ready. */
    stickySession: z
      .object({ cookieName: cookieName.default('skyarc-session'), ttlSeconds: cookieTtl })
      .nullish(),
    balance: z
      .discriminatedUnion('kind', [
        z.object({ kind: z.literal('ROUND_ROBIN') }),
        z.object({ kind: z.literal('LEAST_CONNECTIONS') }),
        /** Consistent: one endpoint more or less moves only its share. */
        z.object({ kind: z.literal('HASH'), of: keyOf('URI', 'IP', 'HEADER', 'COOKIE') }),
      ])
      .default({ kind: 'ROUND_ROBIN' }),
    /** Further endpoints that are tried. A request that was sent is only sent again when its method is idempotent. */
    retries: z
      .object({
        /** Beyond the first; 0 turns retries off. */
        tries: z.int().min(0).max(5, 'At most 5 tries').default(2),
        /** No further try begins after it. */
        timeoutMs: z.int().min(1).max(600_000).nullish(),
        on: z.array(z.enum(['ERROR', 'TIMEOUT', 'HTTP_5XX'])).default(['ERROR', 'TIMEOUT']),
      })
      .nullish(),
    /** gzip of text, JSON, JavaScript, CSS, XML and SVG from 1 KiB for clients that accept it. */
    compress: z.boolean().default(false),
  })
  .strict();
/** All that a route of ours can do beyond networking.k8s.io/v1; times are in the named units. */
export type RoutePolicy = z.infer<typeof routePolicy>;
/** The same as it may be written, before defaults. */
export type RoutePolicyInput = z.input<typeof routePolicy>;

/** A port of the gateway that is passed to a port of the Service that bears the annotation. */
export const l4Port = z.object({
  /** Of the gateway, within its `l4Ports` range. */
  listenPort: port,
  servicePort: port,
  protocol: z.enum(['TCP', 'UDP']).default('TCP'),
});
export type L4Port = z.infer<typeof l4Port>;

export const l4Ports = z
  .array(l4Port)
  .max(64, 'At most 64 ports')
  .refine(
    (list) =>
      new Set(list.map(({ listenPort, protocol }) => `${listenPort}/${protocol}`)).size === list.length,
    'A port of the gateway is listed twice',
  );
