import type { Upstream } from './store/upstream.ts';

const handedOn = `http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY npm_config_registry
  npm_config_userconfig NPM_TOKEN NODE_AUTH_TOKEN PIP_CONFIG_FILE PIP_INDEX_URL PIP_EXTRA_INDEX_URL GOPROXY
  COMPOSER_HOME COMPOSER_AUTH BUNDLE_MIRROR__HTTPS://RUBYGEMS__ORG/`.split(/\s+/);

/** The part of a process's environment that tells where packages come from, with the credentials in it. */
export function upstreamEnvironmentOf(
  env: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  return Object.fromEntries(handedOn.flatMap((name) => (env[name] ? [[name, env[name]]] : [])));
}

/** An upstream from an address as a client's configuration has it: with a final slash, its credentials apart. */
export function upstreamOf(address: string): Upstream {
  const url = new URL(address);
  const { username, password } = url;
  url.username = '';
  url.password = '';
  url.search = '';
  url.hash = '';
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  if (!username && !password) return { url: url.href };
  return withLogin({ url: url.href }, `${decodeURIComponent(username)}:${decodeURIComponent(password)}`);
}

/** With basic authentication (RFC 7617) by `user:password`. */
export function withLogin(upstream: Upstream, pair: string): Upstream {
  return { ...upstream, authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}

/** Addresses of a list with blanks between, those of the web only. */
export function upstreamsOf(text: string): Upstream[] {
  return text
    .split(/[\s,|]+/)
    .filter((one) => /^https?:\/\//.test(one) && URL.canParse(one))
    .map(upstreamOf);
}
