import {
  CoreV1Api,
  KubeConfig,
  PatchStrategy,
  setHeaderOptions,
  type V1EphemeralContainer,
} from '@kubernetes/client-node';

/** What `kubectl debug` sends from 1.23 on; Debian's is older and sends what Kubernetes no longer takes. */
export async function addDebugContainer(
  kubeconfig: string,
  pod: string,
  container: V1EphemeralContainer,
): Promise<void> {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  await config
    .makeApiClient(CoreV1Api)
    .patchNamespacedPodEphemeralcontainers(
      { name: pod, namespace: 'default', body: { spec: { ephemeralContainers: [container] } } },
      setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch),
    );
}
