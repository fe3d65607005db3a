import {
  type Autoscaling,
  type ContainerSettings,
  type GreyRelease,
  type JobSettings,
  type L4Port,
  type MeshRule,
  mainPortOf as mainPortAmong,
  type Placement,
  type Probes,
  type Rollout,
  type RoutePolicyInput,
  type Workload,
} from '@skyarc/lib/contracts';

/** Everything that an app's objects are made of: its record, settings and one version. */
export interface RunSpec {
  readonly id: string;
  readonly name: string;
  readonly team: string;
  readonly namespace: string;
  readonly workload: Workload;
  /** 0 for a stopped app. */
  readonly replicas: number;
  /** Limits of the main container. */
  readonly cpuMillis: number;
  readonly memoryMb: number;
  /** What is reserved for it. */
  readonly cpuRequestMillis: number;
  readonly memoryRequestMb: number;
  /** Null ones follow from the health path and the main port. */
  readonly probes: Probes;
  readonly placement: Placement;
  readonly rollout: Rollout;
  /** Of JOB and CRON_JOB. */
  readonly job: JobSettings;
  /** By name. */
  readonly volumes: readonly VolumeSpec[];
  /** Arguments for the image's entrypoint; null = the image's own. */
  readonly command: readonly string[] | null;
  /** Entrypoint, working folder and user instead of the image's. */
  readonly container: ContainerSettings;
  readonly healthPath: string | null;
  readonly startTimeoutSec: number;
  /** By number. */
  readonly ports: readonly PortSpec[];
  /** By name, opened. */
  readonly env: readonly { readonly name: string; readonly value: string }[];
  /** Besides the default hosts; enabled ones. */
  readonly routes: readonly RouteSpec[];
  /** Ports of the gateway, by number. */
  readonly l4: readonly L4Port[];
  /** Enabled ones, in their order. */
  readonly plugins: readonly PluginSpec[];
  readonly autoscaling: Autoscaling | null;
  /** The candidate that runs beside it. */
  readonly grey: GreySpec | null;
  /** What its clients are told of the apps that it needs; null while the mesh is off. */
  readonly mesh: { readonly rules: readonly MeshRule[] } | null;
  /** Digest of what the app was told by others: its providers, configuration sets and plug-ins' apps. */
  readonly inherited: string;
  readonly version: { readonly id: string; readonly number: number; readonly image: string };
  /** When its pods were last asked to restart, RFC 3339. */
  readonly restartedAt: string | null;
}

/** What routes and Services are made of; all that there is of a third-party app. */
export type NetworkSpec = Pick<
  RunSpec,
  'id' | 'name' | 'team' | 'namespace' | 'workload' | 'ports' | 'routes' | 'l4' | 'grey'
>;

/** A volume with what its kind needs; sizes in mebibytes. */
export type VolumeSpec = VolumePlace &
  (
    | { readonly kind: 'SHARED'; readonly sizeMb: number }
    | { readonly kind: 'LOCAL'; readonly sizeMb: number }
    | { readonly kind: 'MEMORY'; readonly sizeMb: number | null }
    | {
        readonly kind: 'CLASS';
        readonly sizeMb: number;
        /** Null = the cluster's default class. */
        readonly storageClass: string | null;
        readonly accessMode: 'ReadWriteOnce' | 'ReadWriteMany';
      }
    | ConfigFile
    /** The claim of a SHARED volume of another app; it may not be there yet. */
    | { readonly kind: 'APP'; readonly source: ClaimSource }
  );

interface VolumePlace {
  readonly id: string;
  readonly name: string;
  readonly mountPath: string;
  readonly readOnly: boolean;
}

interface ConfigFile {
  readonly kind: 'CONFIG_FILE';
  /** Opened, with its variables replaced. */
  readonly content: string;
  /** Permission bits. */
  readonly fileMode: number;
}

/** Another app's SHARED volume. */
export interface ClaimSource {
  readonly id: string;
  readonly name: string;
  readonly sizeMb: number;
  readonly app: { readonly id: string; readonly name: string; readonly team: string };
}

export interface PortSpec {
  readonly port: number;
  readonly protocol: 'HTTP' | 'GRPC' | 'TCP' | 'UDP';
  readonly public: boolean;
}

/** A host and path that a person gave to a port. */
export interface RouteSpec {
  readonly id: string;
  readonly host: string;
  readonly path: string;
  readonly port: number;
  /** Split targets name Services: those of apps have the app's name. */
  readonly policy: RoutePolicyInput;
  /** Lines of an htpasswd file, opened; null = open to all. */
  readonly basicAuth: string | null;
  /** Chosen by hand. */
  readonly certificateId: string | null;
}

export interface PluginSpec {
  readonly name: string;
  readonly kind: 'INIT' | 'SIDE_CAR';
  readonly image: string;
  /** True when the image is in our registry: repository and digest, without its address. */
  readonly isBuilt: boolean;
  readonly command: readonly string[] | null;
  /** Values of its fields, by name, opened. */
  readonly config: readonly { readonly name: string; readonly value: string }[];
  readonly cpuMillis: number;
  readonly memoryMb: number;
}

export interface GreySpec {
  readonly version: RunSpec['version'];
  readonly release: GreyRelease;
}

/** What is the same for all apps of an installation. */
export interface RenderOptions {
  readonly domain: string;
  readonly pullRegistry: string;
  readonly imagePullSecret?: string;
  readonly ingressClass: string;
  /** Kubernetes 1.30 and later know `preStop.sleep`; a `sleep` program in the image stands in before. */
  readonly hasSleepAction: boolean;
  /** Kubernetes 1.29 and later know init containers that run as long as the pod (KEP-753). */
  readonly hasSidecars: boolean;
  readonly storage: StorageClasses;
  /** Where pods reach discovery, and the PEM key of their grants; absent where there is none. */
  readonly mesh?: { readonly address: string; readonly grantKey: string } | undefined;
  /** Networks of pods: what is outside of them is no other team's pod. */
  readonly podCidrs: readonly string[];
}

/** Storage classes that SHARED and LOCAL volumes are claimed of; null = the cluster's default class. */
export interface StorageClasses {
  readonly shared: string | null;
  readonly local: string | null;
}

/** True for an app whose pods are to end by themselves. */
export function isJob({ workload }: Pick<RunSpec, 'workload'>): boolean {
  return workload === 'JOB' || workload === 'CRON_JOB';
}

/** What carries a port's protocol. */
export function transportOf(protocol: PortSpec['protocol']): 'TCP' | 'UDP' {
  return protocol === 'UDP' ? 'UDP' : 'TCP';
}

/** The port that the app is asked to listen on: the first public HTTP or gRPC one, else the first. */
export function mainPortOf(spec: Pick<RunSpec, 'ports'>): PortSpec | undefined {
  return mainPortAmong(spec.ports);
}
