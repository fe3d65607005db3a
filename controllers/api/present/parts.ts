import type { SecretBox } from '@skyarc/lib/secretbox';
import type { L4RouteRecord, RouteRecord, VolumeRecord } from '@skyarc/prisma/datacenter';
import type { L4Route, Volume, VolumeKind } from '../generated/resolvers.ts';

export function presentVolume(volume: VolumeRecord, secretBox: SecretBox, status: string | null): Volume {
  const { id, content, fileMode, usedBytes, kind, ...rest } = volume;
  return {
    ...rest,
    id,
    kind: kind as VolumeKind,
    content: content === null ? null : secretBox.open(content, `volume:${id}`),
    fileMode: fileMode === null ? null : `0${fileMode.toString(8)}`,
    usedBytes: usedBytes === null ? null : String(usedBytes),
    status,
  };
}

export function presentL4Route(
  { id, protocol, listenPort, port }: L4RouteRecord,
  { domain }: { readonly domain: string },
): L4Route {
  return {
    id,
    protocol: protocol === 'UDP' ? 'UDP' : 'TCP',
    listenPort,
    port,
    address: `${domain}:${listenPort}`,
  };
}

/** Lines `user:hash` of a route's basic authentication; none for an open route. */
export function openHtpasswd(
  { id, basicAuth }: Pick<RouteRecord, 'id' | 'basicAuth'>,
  secretBox: SecretBox,
): Map<string, string> {
  const lines = basicAuth === null ? [] : secretBox.open(basicAuth, `route:${id}`).split('\n');
  return new Map(
    lines.filter(Boolean).map((line) => {
      const end = line.indexOf(':');
      return [line.slice(0, end), line.slice(end + 1)];
    }),
  );
}

export const usersOf = (route: Pick<RouteRecord, 'id' | 'basicAuth'>, secretBox: SecretBox): string[] => [
  ...openHtpasswd(route, secretBox).keys(),
];
