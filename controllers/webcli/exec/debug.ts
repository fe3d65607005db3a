import { AppError, toAppError } from '@skyarc/lib/errors';
import type { KindTable, KubeClient } from '@skyarc/lib/kube';
import { pollUntil } from '@skyarc/lib/retry';
import type { ResolvedWebcliConfig } from '../config.ts';

export interface DebugPlace {
  readonly namespace: string;
  readonly pod: string;
  /** Whose processes the debug container sees. */
  readonly container: string;
  readonly config: Pick<ResolvedWebcliConfig, 'debugImage' | 'debugLifeSec'>;
  readonly say: (message: string) => void;
}

const prefix = 'skyarc-debug-';
const startTimeoutMs = 90_000;
type Pod = KindTable['pods'];

/**
 * Name of a running debug container beside the given one; a new one is made when there is none (Kubernetes:
 * ephemeral containers, which nobody can take away again; ours end by themselves). Throws NOT_FOUND, UNAVAILABLE.
 */
export async function ensureDebugContainer(kube: KubeClient, place: DebugPlace): Promise<string> {
  const pod = await getPod(kube, place);
  const present = ours(pod, place.container).find((name) => stateOf(pod, name)?.running);
  if (present) return present;
  const name = await add(kube, pod, place);
  place.say(`Starting debug container ${name}`);
  await pollUntil(
    async () => {
      const state = stateOf(await getPod(kube, place), name);
      if (state?.terminated) throw failed(name, state.terminated.message ?? state.terminated.reason);
      const held = state?.waiting?.reason ?? '';
      if (/^(ErrImage|ImagePull|InvalidImage|CreateContainer.*Error|RunContainerError)/.test(held))
        throw failed(name, state?.waiting?.message ?? held);
      return state?.running ? true : undefined;
    },
    {
      timeoutMs: startTimeoutMs,
      everyMs: 200,
      onTimeout: () => failed(name, `it did not start within ${startTimeoutMs / 1_000} s`),
    },
  );
  return name;
}

async function add(kube: KubeClient, pod: Pod, { container, config }: DebugPlace): Promise<string> {
  const image = config.debugImage;
  if (!image) throw new AppError('UNAVAILABLE', 'Cannot start a debug container: no image is configured');
  const taken = pod.spec?.ephemeralContainers?.map((one) => one.name) ?? [];
  const name = `${prefix}${taken.length + 1}`;
  const { namespace = '', name: podName = '' } = pod.metadata ?? {};
  const ephemeral = {
    name,
    image,
    imagePullPolicy: 'IfNotPresent',
    targetContainerName: container,
    command: ['sh', '-c', `trap 'exit 0' TERM; sleep ${config.debugLifeSec} & wait`],
    stdin: false,
    tty: false,
    securityContext: { allowPrivilegeEscalation: false },
  };
  try {
    await kube.transport.json({
      method: 'PATCH',
      path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(podName)}/ephemeralcontainers`,
      body: { spec: { ephemeralContainers: [ephemeral] } },
      contentType: 'application/strategic-merge-patch+json',
    });
  } catch (cause) {
    throw new AppError(
      'UNAVAILABLE',
      `Cannot start a debug container: the cluster refuses it (${toAppError(cause).message})`,
      { cause },
    );
  }
  return name;
}

async function getPod(kube: KubeClient, { pod: name, namespace }: DebugPlace): Promise<Pod> {
  const pod = await kube.find('pods', name, namespace);
  if (!pod) throw new AppError('NOT_FOUND', `There is no pod "${name}" any more`);
  return pod;
}

/** Debug containers of ours that see the processes of the given container. */
function ours(pod: Pod, container: string): string[] {
  return (pod.spec?.ephemeralContainers ?? [])
    .filter((one) => one.name.startsWith(prefix) && one.targetContainerName === container)
    .map((one) => one.name);
}

function stateOf(pod: Pod, name: string) {
  return pod.status?.ephemeralContainerStatuses?.find((one) => one.name === name)?.state;
}

function failed(name: string, why: string | undefined): AppError {
  return new AppError('UNAVAILABLE', `Debug container ${name} does not run: ${why ?? 'unknown reason'}`);
}
