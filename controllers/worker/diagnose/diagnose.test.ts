import { describe, expect, test } from 'vitest';
import { explainListeners, parseListeners } from './listeners.ts';
import { diagnosePod, type Pod } from './pods.ts';

const nowMs = Date.parse('2026-01-01T00:01:00Z');
const resources = {
  limits: { cpu: '1', memory: '512Mi' },
  requests: { cpu: '500m', memory: '512Mi' },
};

function pod(status: object, spec: object = {}): Pod {
  return {
    metadata: { name: 'shop-1', creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: {
      containers: [{ name: 'app', image: 'r:5000/blue/shop@sha256:0123456789abcdef', resources }],
      ...spec,
    },
    status: status,
  };
}

function container(state: object, restartCount = 0, lastState = {}): Pod {
  return pod({
    containerStatuses: [
      { name: 'app', state, lastState, restartCount, ready: false, image: '', imageID: '' },
    ],
  });
}

describe('a pod is diagnosed by its status', () => {
  const table: [what: string, pod: Pod, trouble: string | null, sentence: RegExp, isSettled: boolean][] = [
    ['just made', pod({}), null, /./, false],
    ['running', container({ running: {} }), null, /./, false],
    ['exited once', container({ terminated: { exitCode: 1 } }), 'EXITED', /exited with code 1$/, false],
    [
      'exits again and again',
      container({ waiting: { reason: 'CrashLoopBackOff' } }, 2, { terminated: { exitCode: 2 } }),
      'EXITED',
      /code 2$/,
      true,
    ],
    [
      'ends well',
      container({ waiting: { reason: 'CrashLoopBackOff' } }, 3, { terminated: { exitCode: 0 } }),
      'EXITED',
      /by itself with code 0/,
      true,
    ],
    [
      'command missing',
      container({ terminated: { exitCode: 127 } }, 3),
      'EXITED',
      /command was not found/,
      true,
    ],
    ['killed', container({ terminated: { exitCode: 137, signal: 9 } }, 3), 'EXITED', /signal 9/, true],
    [
      'out of memory',
      container({ waiting: { reason: 'CrashLoopBackOff' } }, 2, {
        terminated: { exitCode: 137, reason: 'OOMKilled' },
      }),
      'OUT_OF_MEMORY',
      /^The app was killed for using more than its memory limit of 512 MB/,
      true,
    ],
    [
      'pull',
      container({ waiting: { reason: 'ImagePullBackOff', message: 'Back-off\n pulling' } }),
      'IMAGE_PULL',
      /blue\/shop@sha256:0123456789ab: Back-off pulling$/,
      true,
    ],
    [
      'registry away',
      container({ waiting: { reason: 'ErrImagePull', message: 'dial tcp: connect: connection refused' } }),
      'IMAGE_PULL',
      /: dial tcp: connect: connection refused$/,
      false,
    ],
    [
      'root',
      container({
        waiting: {
          reason: 'CreateContainerConfigError',
          message: 'container has runAsNonRoot and image will run as root',
        },
      }),
      'CANNOT_START',
      /USER 1000/,
      true,
    ],
    [
      'no program',
      container({
        waiting: {
          reason: 'RunContainerError',
          message: 'runc: exec: "nod": executable file not found in $PATH',
        },
      }),
      'CANNOT_START',
      /command "nod" is not in the image/,
      true,
    ],
    [
      'no command',
      container({ waiting: { reason: 'CreateContainerError', message: 'no command specified' } }),
      'CANNOT_START',
      /no command to run/,
      true,
    ],
    [
      'no room',
      pod({
        conditions: [
          {
            type: 'PodScheduled',
            status: 'False',
            reason: 'Unschedulable',
            message: '0/1 nodes are available: 1 Insufficient memory.',
          },
        ],
      }),
      'UNSCHEDULABLE',
      /No node has room for a pod that reserves 512 MB of memory/,
      true,
    ],
    [
      'a silent node',
      pod({}, { nodeName: 'compute-2' }),
      'CANNOT_START',
      /Node "compute-2" has not begun with the pod/,
      false,
    ],
  ];
  test.for(table)('%s', ([, subject, trouble, sentence, isSettled]) => {
    const diagnosis = diagnosePod(subject, nowMs);
    expect(diagnosis?.trouble ?? null).toBe(trouble);
    if (!diagnosis) return;
    expect(diagnosis.sentence).toMatch(sentence);
    expect(diagnosis.isSettled).toBe(isSettled);
  });

  test('the limit that a container has counts, not the one that it waits for', () => {
    const status = {
      name: 'app',
      state: { terminated: { exitCode: 137, reason: 'OOMKilled' } },
      restartCount: 0,
      resources: { limits: { memory: '256Mi' } },
    };
    expect(diagnosePod(pod({ containerStatuses: [status] }), nowMs)?.sentence).toContain('limit of 256 MB');
  });

  test('what is young may pass by itself', () => {
    const young = Date.parse('2026-01-01T00:00:05Z');
    expect(diagnosePod(container({ waiting: { reason: 'ErrImagePull' } }), young)?.isSettled).toBe(false);
  });
});

const head =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
const line = (local: string, state = '0A') =>
  `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  1000        0 1 1 0\n`;

describe('sockets are read from /proc/net/tcp', () => {
  test.for([
    ['any address', line('00000000:1F90'), [{ port: 8080, isLoopback: false }]],
    ['loopback', line('0100007F:1F90'), [{ port: 8080, isLoopback: true }]],
    ['any IPv6 address', line('00000000000000000000000000000000:1F90'), [{ port: 8080, isLoopback: false }]],
    ['IPv6 loopback', line('00000000000000000000000001000000:1F90'), [{ port: 8080, isLoopback: true }]],
    ['mapped loopback', line('0000000000000000FFFF00000100007F:1F90'), [{ port: 8080, isLoopback: true }]],
    ['a connection', line('00000000:1F90', '01'), []],
    ['both', line('0100007F:1F90') + line('00000000:1F90'), [{ port: 8080, isLoopback: false }]],
  ] as const)('%s', ([, text, wanted]) => {
    expect(parseListeners(head + text)).toEqual(wanted);
  });

  test.for([
    [[{ port: 8000, isLoopback: false }], null],
    [[{ port: 8000, isLoopback: true }], /127\.0\.0\.1:8000 only/],
    [[{ port: 3000, isLoopback: false }], /listens on port 3000, but its port is 8000/],
    [[{ port: 3000, isLoopback: true }], /127\.0\.0\.1:3000 only, but its port is 8000/],
    [
      [
        { port: 1, isLoopback: true },
        { port: 3000, isLoopback: false },
      ],
      /port 3000/,
    ],
    [[], /does not listen on port 8000, nor on any other/],
  ] as const)('%j', ([listeners, sentence]) => {
    const explained = explainListeners(listeners, 8_000);
    if (sentence) expect(explained).toMatch(sentence);
    else expect(explained).toBeNull();
  });
});
