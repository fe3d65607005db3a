import { AppError } from '@skyarc/lib/errors';
import type { Image, LinuxContainerSecurityContext, NamespaceOption, SecurityProfile } from '../cri/types.ts';
import { specOf, type Pod, type PodContainer } from '../pod.ts';

/** Parts of /proc and /sys that tell of the host or change it (the defaults of the kubelet and Docker). */
const maskedPaths = [
  ...['acpi', 'kcore', 'keys', 'latency_stats', 'timer_list', 'timer_stats', 'sched_debug', 'scsi'].map(
    (name) => `/proc/${name}`,
  ),
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
const readonlyPaths = ['asound', 'bus', 'fs', 'irq', 'sys', 'sysrq-trigger'].map((name) => `/proc/${name}`);

export function renderNamespaces(pod: Pod): NamespaceOption {
  const spec = specOf(pod);
  return {
    network: spec.hostNetwork ? 'NODE' : 'POD',
    pid: spec.hostPID ? 'NODE' : spec.shareProcessNamespace ? 'POD' : 'CONTAINER',
    ipc: spec.hostIPC ? 'NODE' : 'POD',
  };
}

type SeccompProfile = NonNullable<NonNullable<PodContainer['securityContext']>['seccompProfile']>;

/** The runtime's default profile unless the pod asks for another. */
export function renderSeccomp(profile: SeccompProfile | undefined): SecurityProfile {
  if (profile?.type === 'Unconfined') return { profileType: 'Unconfined' };
  if (profile?.type === 'Localhost') {
    return { profileType: 'Localhost', localhostRef: profile.localhostProfile ?? '' };
  }
  return { profileType: 'RuntimeDefault' };
}

/**
 * Linux security settings of a container: its own over the pod's, the image's user when neither names one.
 * Throws INVALID when `runAsNonRoot` cannot be kept.
 */
export function renderSecurityContext(
  pod: Pod,
  container: PodContainer,
  { image, targetId }: { image: Image; targetId?: string },
): LinuxContainerSecurityContext {
  const ofPod = specOf(pod).securityContext ?? {};
  const own = container.securityContext ?? {};
  const user = own.runAsUser ?? ofPod.runAsUser;
  const group = own.runAsGroup ?? ofPod.runAsGroup;
  if (own.runAsNonRoot ?? ofPod.runAsNonRoot) refuseRoot(user, image);
  const groups = [
    ...(ofPod.supplementalGroups ?? []),
    ...(ofPod.fsGroup === undefined ? [] : [ofPod.fsGroup]),
  ];
  const runsAs =
    user !== undefined
      ? { runAsUser: { value: user } }
      : image.uid
        ? { runAsUser: { value: image.uid.value } }
        : { runAsUsername: image.username };
  return {
    ...runsAs,
    ...(group === undefined ? {} : { runAsGroup: { value: group } }),
    capabilities: {
      addCapabilities: own.capabilities?.add ?? [],
      dropCapabilities: own.capabilities?.drop ?? [],
    },
    privileged: own.privileged ?? false,
    namespaceOptions: {
      ...renderNamespaces(pod),
      ...(targetId === undefined ? {} : { pid: 'TARGET' as const, targetId }),
    },
    readonlyRootfs: own.readOnlyRootFilesystem ?? false,
    supplementalGroups: groups,
    noNewPrivs: own.allowPrivilegeEscalation === false,
    maskedPaths: own.procMount === 'Unmasked' ? [] : maskedPaths,
    readonlyPaths: own.procMount === 'Unmasked' ? [] : readonlyPaths,
    seccomp: renderSeccomp(
      own.privileged ? { type: 'Unconfined' } : (own.seccompProfile ?? ofPod.seccompProfile),
    ),
  };
}

function refuseRoot(user: number | undefined, image: Image): void {
  if (user === 0) throw new AppError('INVALID', "container's runAsUser breaks non-root policy");
  if (user !== undefined) return;
  if (!image.uid && image.username !== '') {
    throw new AppError(
      'INVALID',
      `container has runAsNonRoot and image has non-numeric user (${image.username}), cannot verify user is non-root`,
    );
  }
  if (!image.uid || image.uid.value === '0') {
    throw new AppError('INVALID', 'container has runAsNonRoot and image will run as root');
  }
}
