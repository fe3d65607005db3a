/** How much a note matters: an ERROR forbids to go on, a WARNING says what will be different, INFO what was done. */
export type NoteLevel = 'ERROR' | 'WARNING' | 'INFO';

/** A sentence about a place of the text. */
export interface Note {
  readonly level: NoteLevel;
  /** 1 is the first; null when it is about the whole. */
  readonly line: number | null;
  /** Name of the service that it is about, as the text has it. */
  readonly service: string | null;
  readonly message: string;
}

export type DraftProtocol = 'HTTP' | 'GRPC' | 'TCP' | 'UDP';

export interface DraftPort {
  readonly port: number;
  readonly protocol: DraftProtocol;
  /** True when it was published. */
  readonly public: boolean;
}

export interface DraftVariable {
  readonly name: string;
  readonly value: string;
  /** Guessed from its name. */
  readonly secret: boolean;
}

export interface DraftVolume {
  readonly name: string;
  readonly kind: 'SHARED' | 'LOCAL' | 'MEMORY' | 'CONFIG_FILE' | 'APP';
  readonly mountPath: string;
  readonly readOnly: boolean;
  readonly sizeMb?: number;
  /** Text of a CONFIG_FILE, as it shall stand in the file. */
  readonly content?: string;
  /** Octal, of a CONFIG_FILE. */
  readonly fileMode?: string;
  /** Of APP: the draft and its volume that are shown. */
  readonly source?: { readonly app: string; readonly volume: string };
}

/** A build of sources beside the text, or of a Git address. */
export interface DraftBuild {
  /** Folder in the source beside the text; empty for its root. */
  readonly folder: string;
  /** A Git address that stands in the text itself; null: the source beside it. */
  readonly git: { readonly url: string; readonly branch: string | null } | null;
  readonly dockerfile: string | null;
  readonly target: string | null;
  readonly args: Readonly<Record<string, string>>;
}

export interface DraftProbe {
  readonly command: readonly string[];
  readonly periodSeconds: number;
  readonly timeoutSeconds: number;
  readonly failureThreshold: number;
  readonly initialDelaySeconds: number;
}

/** An app as a Compose service or a `docker run` line describes it; nothing of it is checked by a data centre yet. */
export interface AppDraft {
  /** Name in the text. */
  readonly service: string;
  /** Name as an app may have it (RFC 1123 label). */
  readonly name: string;
  readonly line: number;
  /** Exactly one of both. */
  readonly image: string | null;
  readonly build: DraftBuild | null;
  /** No service is a CRON_JOB; callers may have drafts of their own. */
  readonly workload: 'STATELESS' | 'STATEFUL' | 'JOB' | 'CRON_JOB';
  readonly replicas: number;
  readonly cpuMillis: number | null;
  readonly memoryMb: number | null;
  readonly cpuRequestMillis: number | null;
  readonly memoryRequestMb: number | null;
  /** Instead of the image's; null = the image's. */
  readonly entrypoint: readonly string[] | null;
  readonly command: readonly string[] | null;
  readonly user: string | null;
  readonly workingDir: string | null;
  readonly ports: readonly DraftPort[];
  readonly env: readonly DraftVariable[];
  readonly volumes: readonly DraftVolume[];
  /** Names of drafts. */
  readonly dependsOn: readonly string[];
  readonly readiness: DraftProbe | null;
  readonly startTimeoutSeconds: number | null;
  readonly stopFirst: boolean;
  readonly terminationGraceSeconds: number | null;
  readonly labels: Readonly<Record<string, string>>;
}

export interface Drafts {
  /** In an order in which each comes after those that it depends on. */
  readonly apps: readonly AppDraft[];
  /** By line. */
  readonly notes: readonly Note[];
}

/** What may stand beside the text. */
export interface Beside {
  /** Contents by path as the text names them: env files, configs, secrets, extended Compose files, `.env`. */
  readonly files?: ReadonlyMap<string, string>;
  /** Values for `${NAME}`; they win over `.env`. */
  readonly variables?: ReadonlyMap<string, string>;
  /** Active profiles; `*` is all. */
  readonly profiles?: readonly string[];
}
