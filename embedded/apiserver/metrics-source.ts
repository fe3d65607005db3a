/** What one container used lately. */
export interface ContainerUsage {
  readonly name: string;
  /** Average over the window, in billionths of a core. */
  readonly cpuNanoCores: number;
  /** Memory that cannot be taken back without hurting: usage without inactive file cache, in bytes. */
  readonly memoryWorkingSetBytes: number;
}

/** What one running pod used; its containers are those that ran during the whole window. */
export interface PodUsage {
  readonly namespace: string;
  readonly name: string;
  readonly containers: readonly ContainerUsage[];
  /** End of the window, RFC 3339. */
  readonly timestamp: string;
  readonly windowSeconds: number;
}

/** What a whole node used, the system's own processes included. */
export interface NodeUsage {
  readonly name: string;
  readonly cpuNanoCores: number;
  readonly memoryWorkingSetBytes: number;
  readonly timestamp: string;
  readonly windowSeconds: number;
}

/**
 * Where metrics.k8s.io reads usage from: the kubelets. Answers from the latest samples, without waiting for
 * new ones; a pod that has no two samples yet is left out.
 */
export interface MetricsSource {
  podMetrics(): Promise<readonly PodUsage[]>;
  nodeMetrics(): Promise<readonly NodeUsage[]>;
}
