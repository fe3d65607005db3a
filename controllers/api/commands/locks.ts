import type { DataCenterTransaction } from '@skyarc/prisma/datacenter';

const gateway = { name: 'lock.gateway', value: '0' };

/**
 * Hosts and ports of the gateway are given to whoever is first: a transaction that gives some away waits here
 * for the others, before it reads which are free.
 */
export async function lockGateway(tx: DataCenterTransaction): Promise<void> {
  await tx.setting.upsert({ where: { name: gateway.name }, create: gateway, update: gateway });
}
