import { sandboxResolver } from './network.ts';

export interface Mount {
  readonly source: string;
  readonly destination: string;
  readonly readonly?: boolean;
}

export interface SpecOptions {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** `user`: uid 1000 and no rights. `installer`: root with what dpkg needs. `nested`: root of an own user namespace. */
  readonly role: 'user' | 'installer' | 'nested';
  readonly rootfs: string;
  readonly mounts: readonly Mount[];
  /** Folders kept in memory, for roots that their user cannot write to. */
  readonly scratch?: readonly string[];
  /** Network namespace, or null for this machine's (installing from the machine's own sources only). */
  readonly netns: string | null;
  readonly cgroup: string;
  readonly cpuMillis: number;
  readonly memoryMb: number;
  readonly processes: number;
}

/** The first host uid and gid of nested roots, and how many there are. */
export const nestedIds = { first: 1_879_048_192, count: 65_536 } as const;

const installerCapabilities = words(`CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_FSETID CAP_SETUID CAP_SETGID
  CAP_SETFCAP CAP_SYS_CHROOT CAP_KILL CAP_SETPCAP`);
const nestedCapabilities = [
  ...installerCapabilities,
  ...words('CAP_SYS_ADMIN CAP_MKNOD CAP_NET_BIND_SERVICE CAP_AUDIT_WRITE CAP_NET_RAW'),
];

/** System calls that no build needs and that reach far into the kernel. */
const deniedCalls = words(`mount umount2 pivot_root move_mount open_tree fsopen fsmount fsconfig fspick
  mount_setattr unshare setns keyctl add_key request_key bpf perf_event_open userfaultfd kexec_load
  kexec_file_load init_module finit_module delete_module open_by_handle_at reboot swapon swapoff acct
  settimeofday clock_settime io_uring_setup io_uring_enter io_uring_register process_vm_writev quotactl syslog`);
const cloneNewUser = 0x10000000;

/** A container's config.json (OCI runtime-spec 1.0.2). */
export function renderSpec(options: SpecOptions): Record<string, unknown> {
  const { role } = options;
  const isUser = role === 'user';
  const capabilities = { user: [], installer: installerCapabilities, nested: nestedCapabilities }[role];
  const ids = [{ containerID: 0, hostID: nestedIds.first, size: nestedIds.count }];
  return {
    ociVersion: '1.0.2',
    hostname: 'build',
    process: {
      user: isUser ? { uid: 1000, gid: 1000 } : { uid: 0, gid: 0 },
      args: options.args,
      env: Object.entries(options.env).map(([name, value]) => `${name}=${value}`),
      cwd: options.cwd,
      noNewPrivileges: true,
      capabilities: Object.fromEntries(
        ['bounding', 'effective', 'permitted', 'inheritable'].map((set) => [set, capabilities]),
      ),
    },
    root: { path: options.rootfs },
    mounts: [
      ...systemMounts(role),
      ...(options.scratch ?? []).map(scratchMount),
      ...options.mounts.map(bindMount),
    ],
    linux: {
      cgroupsPath: options.cgroup,
      resources: {
        devices: [{ allow: false, access: 'rwm' }],
        memory: { limit: options.memoryMb * 1024 * 1024 },
        cpu: { quota: options.cpuMillis * 100, period: 100_000 },
        pids: { limit: options.processes },
      },
      namespaces: [
        ...['pid', 'mount', 'ipc', 'uts'].map((type) => ({ type })),
        ...(options.netns ? [{ type: 'network', path: options.netns }] : []),
        ...(role === 'nested' ? [{ type: 'user' }] : []),
      ],
      ...(role === 'nested' ? { uidMappings: ids, gidMappings: ids } : {}),
      ...(isUser ? { seccomp: seccomp() } : {}),
      // A nested root bind-mounts /proc for its own containers, which the kernel allows only when whole.
      ...(role === 'nested' ? {} : { maskedPaths, readonlyPaths }),
    },
  };
}

/** Files that a sandbox's /etc gets, with hosts that it need not look up. */
export function etcFilesOf(
  hosts: readonly (readonly [host: string, addresses: readonly string[]])[] = [],
): Readonly<Record<string, string>> {
  const known = hosts.flatMap(([host, addresses]) => addresses.map((address) => `${address} ${host}\n`));
  return {
    'resolv.conf': `nameserver ${sandboxResolver}\n`,
    hosts: ['127.0.0.1 localhost build\n', ...known].join(''),
  };
}

const maskedPaths = words(`/proc/acpi /proc/kcore /proc/keys /proc/latency_stats /proc/timer_list
  /proc/sched_debug /proc/scsi /proc/kallsyms /proc/cmdline /sys/firmware /sys/fs/cgroup`);
const readonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

function words(text: string): string[] {
  return text.split(/\s+/);
}

function systemMounts(role: SpecOptions['role']): unknown[] {
  const safe = ['nosuid', 'noexec', 'nodev'];
  const sys =
    role === 'nested'
      ? { destination: '/sys', type: 'none', source: '/sys', options: ['rbind', 'ro', ...safe] }
      : { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['ro', ...safe] };
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: safe },
    { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755', 'size=64k'] },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620'],
    },
    { destination: '/dev/shm', type: 'tmpfs', source: 'shm', options: [...safe, 'mode=1777', 'size=65536k'] },
    sys,
  ];
}

function scratchMount(destination: string): unknown {
  return {
    destination,
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['nosuid', 'nodev', 'mode=1777', 'size=65536k'],
  };
}

function bindMount({ source, destination, readonly }: Mount): unknown {
  const options = ['rbind', readonly ? 'ro' : 'rw', 'nosuid', 'nodev'];
  return { destination, type: 'bind', source, options };
}

/** Everything but the denied; clone3 hides its flags from the filter, so programs must use clone instead. */
function seccomp(): unknown {
  const eperm = 1;
  const enosys = 38;
  return {
    defaultAction: 'SCMP_ACT_ALLOW',
    architectures: process.arch === 'arm64' ? ['SCMP_ARCH_AARCH64'] : ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
    syscalls: [
      { names: deniedCalls, action: 'SCMP_ACT_ERRNO', errnoRet: eperm },
      { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: enosys },
      {
        names: ['clone'],
        action: 'SCMP_ACT_ERRNO',
        errnoRet: eperm,
        args: [{ index: 0, value: cloneNewUser, valueTwo: cloneNewUser, op: 'SCMP_CMP_MASKED_EQ' }],
      },
    ],
  };
}
