/** A certificate as far as its choice goes. */
export interface Candidate {
  readonly id: string;
  readonly hosts: readonly string[];
  readonly notAfter: Date | null;
}

/**
 * The certificate for a host: an exact name before a wildcard (one label, RFC 6125, 6.4.3), then the one that
 * lasts longest. A wildcard host wants the same wildcard. Undefined when none fits.
 */
export function pickCertificate<C extends Candidate>(
  host: string,
  certificates: readonly C[],
): C | undefined {
  const wildcard = `*.${host.split('.').slice(1).join('.')}`;
  const rank = ({ hosts }: C) => (hosts.includes(host) ? 2 : hosts.includes(wildcard) ? 1 : 0);
  const until = ({ notAfter }: C) => notAfter?.getTime() ?? 0;
  return certificates
    .filter((each) => rank(each) > 0)
    .toSorted((a, b) => rank(b) - rank(a) || until(b) - until(a) || (a.id < b.id ? -1 : 1))[0];
}
