import { isIPv6 } from 'node:net';

/** A host as an address has it before `:port`: an IPv6 address in brackets (RFC 3986, 3.2.2), all else as it is. */
export function uriHost(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}
