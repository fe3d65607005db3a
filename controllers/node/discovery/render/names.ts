/** Where calls go: a port of a service of the namespace, or of one pod of it. */
export interface Destination {
  readonly service: string;
  readonly port: number;
  readonly instance?: string | undefined;
}

/** The name that clients call (`xds:///<service>:<port>`), of listener and route. */
export function entryName({ service, port }: Pick<Destination, 'service' | 'port'>): string {
  return `${service}:${port}`;
}

export function endpointsName({ service, port, instance }: Destination): string {
  return instance ? `${service}:${port}/${instance}` : `${service}:${port}`;
}

/** One for each called service that leads there, since limits are said for the called one. */
export function clusterName(called: string, destination: Destination): string {
  const name = endpointsName(destination);
  return called === destination.service ? name : `${called}>${name}`;
}
