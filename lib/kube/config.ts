import { KubeConfig } from '@kubernetes/client-node';
import { AppError, messageOf } from '@skyarc/lib/errors';

/**
 * The cluster of a kubeconfig file, or of the pod we run in when no file is given.
 * Throws INVALID when the file cannot be read or names no cluster.
 */
export async function loadKubeConfig(file?: string): Promise<KubeConfig> {
  const config = new KubeConfig();
  try {
    if (file) config.loadFromFile(file);
    else config.loadFromCluster();
  } catch (cause) {
    throw new AppError(
      'INVALID',
      `Cannot read the kubeconfig ${file ?? 'of this pod'}: ${messageOf(cause)}`,
      {
        cause,
      },
    );
  }
  if (!config.getCurrentCluster()) {
    throw new AppError(
      'INVALID',
      `Cannot use the kubeconfig ${file ?? 'of this pod'}: it names no current cluster`,
    );
  }
  return config;
}
