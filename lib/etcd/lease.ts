import type { Etcd3 } from 'etcd3';

export interface EtcdLease {
  readonly id: string;
  /** Aborts once the lease is gone: revoked, or not renewed within its time. */
  readonly lost: AbortSignal;
  revoke(): Promise<void>;
}

export async function grantLease(client: Etcd3, ttlSeconds: number): Promise<EtcdLease> {
  const lost = new AbortController();
  const lease = client.lease(ttlSeconds);
  lease.on('lost', (error) => lost.abort(error));
  const id = await lease.grant();
  return {
    id,
    lost: lost.signal,
    async revoke() {
      await lease.revoke();
      lost.abort();
    },
  };
}
