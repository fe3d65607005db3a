/** The container that a log, exec or attach request means; the API server has checked that it exists. */
export interface ContainerTarget {
  readonly namespace: string;
  readonly pod: string;
  readonly podUid: string;
  readonly nodeName: string;
  readonly container: string;
}

/** Query of `pods/log`, in the words and units of the Kubernetes API (PodLogOptions). */
export interface LogOptions {
  readonly follow: boolean;
  /** The terminated instance before the current one. */
  readonly previous: boolean;
  /** Each line begins with its RFC 3339 time with nanoseconds and a space. */
  readonly timestamps: boolean;
  readonly tailLines?: number;
  readonly limitBytes?: number;
  readonly sinceSeconds?: number;
  /** RFC 3339. */
  readonly sinceTime?: string;
}

export interface StreamOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

export interface ExecOptions extends StreamOptions {
  readonly command: readonly string[];
}

/** A page that a kubelet serves of itself, such as `/metrics/cadvisor`. */
export interface NodePage {
  readonly contentType: string;
  readonly body: string;
}

/**
 * What the API server asks of the kubelet of a pod's node. Errors are AppErrors: NOT_FOUND (no such
 * container or log), INVALID (e.g. the container is not running, no previous instance), UNAVAILABLE.
 *
 * The three `open...` calls answer the one-time http URL of a CRI streaming server (the `url` of CRI
 * Exec, Attach and PortForward). The API server dials it, repeats the client's upgrade request there
 * (SPDY/3.1 or WebSocket v4.channel.k8s.io, same query) and from then on only copies bytes both ways.
 */
export interface NodeProxy {
  /**
   * The log's bytes as they are to be sent, already cut by the options; errors that deserve an HTTP
   * status are thrown by the promise, before the first byte. Ends when a followed container has ended,
   * or soon after the signal aborts.
   */
  openLog(
    target: ContainerTarget,
    options: LogOptions,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>>;
  openExec(target: ContainerTarget, options: ExecOptions): Promise<URL>;
  openAttach(target: ContainerTarget, options: StreamOptions): Promise<URL>;
  /** Ports are those asked for by a WebSocket client; SPDY clients name theirs later, the list is empty then. */
  openPortForward(target: Omit<ContainerTarget, 'container'>, ports: readonly number[]): Promise<URL>;
  /** What `nodes/{name}/proxy` answers at a path (`/metrics/cadvisor`, `/stats/summary`); null for another. */
  readPage(path: string): Promise<NodePage | null>;
}
