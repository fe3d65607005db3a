/** 64-bit numbers travel as text: nanoseconds since 1970 do not fit a double. */
type Int64 = string | number;
type Labels = Record<string, string>;

export interface PodSandboxMetadata {
  readonly name: string;
  readonly uid: string;
  readonly namespace: string;
  readonly attempt: number;
}

export type NamespaceMode = 'POD' | 'CONTAINER' | 'NODE' | 'TARGET';

export interface NamespaceOption {
  readonly network: NamespaceMode;
  readonly pid: NamespaceMode;
  readonly ipc: NamespaceMode;
  /** Container whose namespace is shared by mode TARGET. */
  readonly targetId?: string;
}

export interface SecurityProfile {
  readonly profileType: 'RuntimeDefault' | 'Unconfined' | 'Localhost';
  readonly localhostRef?: string;
}

export interface PodSandboxConfig {
  readonly metadata: PodSandboxMetadata;
  readonly hostname: string;
  readonly logDirectory: string;
  readonly dnsConfig?: { servers: string[]; searches: string[]; options: string[] };
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly linux: {
    readonly cgroupParent: string;
    readonly securityContext: {
      readonly namespaceOptions: NamespaceOption;
      readonly privileged?: boolean;
      readonly seccomp?: SecurityProfile;
    };
    readonly sysctls?: Labels;
  };
}

export interface PodSandbox {
  readonly id: string;
  readonly metadata: PodSandboxMetadata;
  readonly state: 'SANDBOX_READY' | 'SANDBOX_NOTREADY';
  readonly createdAt: string;
  readonly labels: Labels;
  readonly annotations: Labels;
}

export interface PodSandboxStatus extends PodSandbox {
  readonly network: { ip: string; additionalIps: { ip: string }[] } | null;
}

export interface LinuxContainerResources {
  readonly cpuPeriod?: number;
  readonly cpuQuota?: number;
  readonly cpuShares?: number;
  readonly memoryLimitInBytes?: number;
  readonly oomScoreAdj?: number;
  /** Of memory and swap together. */
  readonly memorySwapLimitInBytes?: number;
}

export interface LinuxContainerSecurityContext {
  readonly capabilities?: { addCapabilities: string[]; dropCapabilities: string[] };
  readonly privileged?: boolean;
  readonly namespaceOptions: NamespaceOption;
  readonly runAsUser?: { value: Int64 };
  readonly runAsGroup?: { value: Int64 };
  readonly runAsUsername?: string;
  readonly readonlyRootfs?: boolean;
  readonly supplementalGroups?: Int64[];
  readonly noNewPrivs?: boolean;
  readonly maskedPaths?: readonly string[];
  readonly readonlyPaths?: readonly string[];
  readonly seccomp?: SecurityProfile;
}

export interface Mount {
  readonly containerPath: string;
  readonly hostPath: string;
  readonly readonly: boolean;
  readonly propagation?:
    'PROPAGATION_PRIVATE' | 'PROPAGATION_HOST_TO_CONTAINER' | 'PROPAGATION_BIDIRECTIONAL';
}

export interface ContainerConfig {
  readonly metadata: { name: string; attempt: number };
  readonly image: { image: string };
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly workingDir: string;
  readonly envs: readonly { key: string; value: string }[];
  readonly mounts: readonly Mount[];
  readonly labels: Labels;
  readonly annotations: Labels;
  /** Relative to the sandbox's log directory. */
  readonly logPath: string;
  readonly stdin: boolean;
  readonly stdinOnce: boolean;
  readonly tty: boolean;
  readonly linux: { resources: LinuxContainerResources; securityContext: LinuxContainerSecurityContext };
}

export type ContainerState =
  'CONTAINER_CREATED' | 'CONTAINER_RUNNING' | 'CONTAINER_EXITED' | 'CONTAINER_UNKNOWN';

export interface Container {
  readonly id: string;
  readonly podSandboxId: string;
  readonly metadata: { name: string; attempt: number };
  readonly state: ContainerState;
  readonly createdAt: string;
  readonly imageRef: string;
  readonly labels: Labels;
  readonly annotations: Labels;
}

export interface ContainerStatus {
  readonly id: string;
  readonly metadata: { name: string; attempt: number };
  readonly state: ContainerState;
  /** Nanoseconds since 1970; `0` when it has not happened. */
  readonly createdAt: string;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly exitCode: number;
  readonly image: { image: string } | null;
  readonly imageRef: string;
  readonly reason: string;
  readonly message: string;
  readonly labels: Labels;
  readonly annotations: Labels;
  /** Absolute. */
  readonly logPath: string;
}

/** Disk that a container's own files take, as the runtime counted them lately. */
export interface ContainerStats {
  readonly attributes: { readonly id: string; readonly labels: Labels };
  readonly writableLayer: {
    readonly usedBytes: { value: string } | null;
    readonly inodesUsed: { value: string } | null;
  } | null;
}

export interface Image {
  readonly id: string;
  readonly repoTags: string[];
  readonly repoDigests: string[];
  readonly size: string;
  readonly uid: { value: string } | null;
  readonly username: string;
  readonly pinned: boolean;
}

export interface AuthConfig {
  readonly username?: string;
  readonly password?: string;
  readonly auth?: string;
  readonly serverAddress?: string;
  readonly identityToken?: string;
  readonly registryToken?: string;
}

interface Streams {
  readonly containerId: string;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/** Request and answer of each CRI call, by its name on the wire. */
export interface CriCalls {
  Version: [{ version?: string }, { runtimeName: string; runtimeVersion: string }];
  Status: [
    { verbose?: boolean },
    { status: { conditions: { type: string; status: boolean; reason: string; message: string }[] } },
  ];
  RunPodSandbox: [{ config: PodSandboxConfig }, { podSandboxId: string }];
  StopPodSandbox: [{ podSandboxId: string }, unknown];
  RemovePodSandbox: [{ podSandboxId: string }, unknown];
  PodSandboxStatus: [{ podSandboxId: string }, { status: PodSandboxStatus }];
  ListPodSandbox: [{ filter?: { id?: string; labelSelector?: Labels } }, { items: PodSandbox[] }];
  CreateContainer: [
    { podSandboxId: string; config: ContainerConfig; sandboxConfig: PodSandboxConfig },
    { containerId: string },
  ];
  StartContainer: [{ containerId: string }, unknown];
  /** Timeout in seconds between SIGTERM and SIGKILL. */
  StopContainer: [{ containerId: string; timeout: number }, unknown];
  RemoveContainer: [{ containerId: string }, unknown];
  ListContainers: [
    { filter?: { id?: string; podSandboxId?: string; labelSelector?: Labels } },
    { containers: Container[] },
  ];
  ContainerStatus: [{ containerId: string }, { status: ContainerStatus }];
  ListContainerStats: [object, { stats: ContainerStats[] }];
  UpdateContainerResources: [{ containerId: string; linux: LinuxContainerResources }, unknown];
  ReopenContainerLog: [{ containerId: string }, unknown];
  /** Timeout in seconds; 0 is none. */
  ExecSync: [
    { containerId: string; cmd: readonly string[]; timeout: number },
    { stdout: Buffer; stderr: Buffer; exitCode: number },
  ];
  Exec: [Streams & { cmd: readonly string[] }, { url: string }];
  Attach: [Streams, { url: string }];
  PortForward: [{ podSandboxId: string; port: readonly number[] }, { url: string }];
  ListImages: [{ filter?: { image: { image: string } } }, { images: Image[] }];
  ImageStatus: [{ image: { image: string } }, { image: Image | null }];
  PullImage: [
    { image: { image: string }; auth?: AuthConfig; sandboxConfig?: PodSandboxConfig },
    { imageRef: string },
  ];
  RemoveImage: [{ image: { image: string } }, unknown];
}
