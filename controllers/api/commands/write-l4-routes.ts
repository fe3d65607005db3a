import { newId } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import type { DataCenterTransaction } from '@skyarc/prisma/datacenter';
import type { Api } from '../api.ts';
import type { CheckedL4Route } from '../input/network.ts';
import type { AppRecord } from '../records.ts';
import { lockGateway } from './locks.ts';
import { conflict, invalid } from './refusals.ts';

type Protocol = CheckedL4Route['protocol'];

/** Replaces an app's TCP and UDP routes. Throws CONFLICT for a port that is taken, EXHAUSTED when none is free. */
export async function writeL4Routes(
  { config }: Api,
  { what, app }: { readonly what: string; readonly app: AppRecord },
  wanted: readonly CheckedL4Route[],
  tx: DataCenterTransaction,
): Promise<void> {
  const { l4Ports: range, dataCenter } = config;
  await lockGateway(tx);
  if (!range && wanted.length > 0)
    throw invalid(what, 'l4Routes', 'the gateway of this data centre listens on no TCP or UDP ports');
  const present = await tx.l4Route.findMany({ include: { app: { select: { name: true, teamName: true } } } });
  const others = present.filter(({ appId }) => appId !== app.id);
  const own = present.filter(({ appId }) => appId === app.id);
  const taken = new Set(others.map(keyOf));
  for (const [index, { protocol, listenPort }] of wanted.entries()) {
    if (listenPort === undefined || !range) continue;
    const field = `l4Routes.${index}.listenPort`;
    if (listenPort < range.first || listenPort > range.last)
      throw invalid(
        what,
        field,
        `${listenPort} is not within the gateway's ports ${range.first} to ${range.last}`,
      );
    const holder = others.find((one) => keyOf(one) === keyOf({ protocol, listenPort }));
    if (holder) {
      const whose = holder.app.teamName === app.teamName ? `app "${holder.app.name}"` : 'another team';
      const free = nextFree(range, protocol, taken);
      const hint = free === null ? '' : `; the next free one is ${free}`;
      throw conflict(what, field, `${protocol} port ${listenPort} is taken by ${whose}${hint}`);
    }
    if (taken.has(keyOf({ protocol, listenPort }))) throw invalid(what, field, `${listenPort} appears twice`);
    taken.add(keyOf({ protocol, listenPort }));
  }
  const rows = wanted.map(({ protocol, listenPort, port }) => {
    // A route that was given a port keeps it.
    const old = own.find((one) => one.protocol === protocol && one.port === port && !taken.has(keyOf(one)));
    const given = listenPort ?? old?.listenPort ?? (range ? nextFree(range, protocol, taken) : null);
    if (given === null) {
      throw new AppError(
        'EXHAUSTED',
        `${what}: all ${protocol} ports of the gateway from ${range?.first} to ${range?.last} are taken`,
      );
    }
    taken.add(keyOf({ protocol, listenPort: given }));
    const id = own.find((one) => keyOf(one) === keyOf({ protocol, listenPort: given }))?.id;
    return { id: id ?? newId(dataCenter, 'l4route'), appId: app.id, protocol, listenPort: given, port };
  });
  await tx.l4Route.deleteMany({ where: { appId: app.id } });
  await tx.l4Route.createMany({ data: rows });
}

/** The lowest free port; null when there is none. */
export function nextFree(
  { first, last }: { readonly first: number; readonly last: number },
  protocol: Protocol,
  taken: ReadonlySet<string>,
): number | null {
  for (let listenPort = first; listenPort <= last; listenPort += 1)
    if (!taken.has(keyOf({ protocol, listenPort }))) return listenPort;
  return null;
}

export const keyOf = ({ protocol, listenPort }: { protocol: string; listenPort: number }): string =>
  `${protocol}/${listenPort}`;
