import type { InstallationOptions } from './installation.ts';

export interface Place extends Pick<InstallationOptions, 'instance' | 'portOffset' | 'network' | 'env'> {
  /** How many there are of a service at most; 2 when absent. */
  readonly ofAKind?: number;
}

/** Where installations of tests are; those of one run may be there at the same time. */
export const places = {
  journeys: {
    instance: 'skyarctest',
    portOffset: 3_600,
    network: 150,
    // Alerts within seconds, where people wait for minutes.
    env: { SKYARC_METRICS_INTERVAL: '3', SKYARC_ALERT_PATIENCE: '0.15' },
  },
  'journeys-faults': { instance: 'skyarcthr', portOffset: 4_200, network: 154 },
  'journeys-build': { instance: 'skyarctwo', portOffset: 5_700, network: 152 },
  /** On the Kubernetes of `foreignPlace`. */
  'journeys-apart': { instance: 'skyarcy', portOffset: 18_800, network: 202 },
  /** On the etcd of `etcdPlace`. */
  'journeys-three': { instance: 'skyarctri', portOffset: 19_440, network: 156, ofAKind: 3 },
  claimed: { instance: 'skyarcclm', portOffset: 19_200, network: 190 },
} as const satisfies Record<string, Place>;

/** A cluster that is there already: its API server, and etcd on the two ports after it. */
export const foreignPlace = { instance: 'skyarcx', port: 22_500, network: 200 } as const;

/** An etcd of three members: their ports for clients, and ten further on for each other. */
export const etcdPlace = { basePort: 22_510, members: 3 } as const;

/** Ports that tests of single rooms take for themselves. */
export const roomPorts = { first: 20_100, last: 21_999 } as const;
