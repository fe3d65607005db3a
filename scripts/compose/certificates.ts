import { CertificateAuthority, type KeyPair } from '@skyarc/lib/certificates';
import type { Topology } from './topology.ts';

type TlsMaterial = KeyPair & { readonly ca: string };

/** What the data-centre API serves with, and the authority whose clients it lets in. */
export function apiCertificateOf(topology: Topology): Promise<TlsMaterial> {
  return leafOf(topology, 'api', { commonName: 'api', names: ['localhost', '127.0.0.1'], usage: 'server' });
}

/** What the console shows to data centres. */
export function consoleCertificateOf(topology: Topology): Promise<TlsMaterial> {
  return leafOf(topology, 'console', { commonName: 'console', usage: 'client' });
}

async function leafOf(
  topology: Topology,
  file: string,
  request: Parameters<CertificateAuthority['ensureLeaf']>[2],
): Promise<TlsMaterial> {
  const folder = topology.path('pki');
  const authority = await CertificateAuthority.ensure(folder, 'Skyarc data centre');
  const { cert, key } = await authority.ensureLeaf(folder, file, request);
  return { ca: authority.cert, cert, key };
}
