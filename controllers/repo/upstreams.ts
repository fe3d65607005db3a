import type { Upstream } from './store/upstream.ts';

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
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { url: url.href, authorization: `Basic ${Buffer.from(pair).toString('base64')}` };
}

/** Addresses of a list with blanks between, those of the web only. */
export function upstreamsOf(text: string): Upstream[] {
  return text
    .split(/[\s,|]+/)
    .filter((one) => /^https?:\/\//.test(one) && URL.canParse(one))
    .map(upstreamOf);
}
