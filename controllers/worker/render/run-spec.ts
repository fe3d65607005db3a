/** Everything that an app's objects are made of: its record, settings and one version. */
export interface RunSpec {
  readonly id: string;
  readonly name: string;
  readonly team: string;
  readonly namespace: string;
  readonly workload: 'STATELESS' | 'STATEFUL';
  /** 0 for a stopped app. */
  readonly replicas: number;
  readonly cpuMillis: number;
  readonly memoryMb: number;
  /** Arguments for the image's entrypoint; null = the image's own. */
  readonly command: readonly string[] | null;
  readonly healthPath: string | null;
  readonly startTimeoutSec: number;
  /** By number. */
  readonly ports: readonly PortSpec[];
  /** By name, opened. */
  readonly env: readonly { readonly name: string; readonly value: string }[];
  /** Besides the default hosts. */
  readonly routes: readonly { readonly host: string; readonly path: string; readonly port: number }[];
  readonly version: { readonly id: string; readonly number: number; readonly image: string };
  /** When its pods were last asked to restart, RFC 3339. */
  readonly restartedAt: string | null;
}

export interface PortSpec {
  readonly port: number;
  readonly protocol: 'HTTP' | 'TCP';
  readonly public: boolean;
}

/** What is the same for all apps of an installation. */
export interface RenderOptions {
  readonly domain: string;
  readonly pullRegistry: string;
  readonly imagePullSecret?: string;
  readonly ingressClass: string;
  /** Kubernetes 1.30 and later know `preStop.sleep`; a `sleep` program in the image stands in before. */
  readonly hasSleepAction: boolean;
}

/** The port that the app is asked to listen on: the first public HTTP one, else the first. */
export function mainPortOf(spec: Pick<RunSpec, 'ports'>): PortSpec | undefined {
  return spec.ports.find((each) => each.public && each.protocol === 'HTTP') ?? spec.ports[0];
}
