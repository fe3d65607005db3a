import { isDeepStrictEqual } from 'node:util';
import { limitPod } from '../admission/limits.ts';
import { setPriority } from '../admission/priority.ts';
import { duplicate, forbiddenField, invalidValue, type FieldError } from '../field-error.ts';
import { defineKind } from '../kind.ts';
import { at, clone, isObject, listAt, textAt, type ApiObject, type JsonObject } from '../object.ts';
import { ageColumn, ageText, countColumn, nameColumn, pathColumn, wide } from './columns.ts';
import { validateResize } from './pod-resize.ts';
import { setPodSpecDefaults, validateContainer, validatePodSpec, volumeNamesOf } from './pod-spec.ts';

export const pods = defineKind({
  group: '',
  version: 'v1',
  kind: 'Pod',
  plural: 'pods',
  shortNames: ['po'],
  categories: ['all'],
  subresources: [
    'status',
    'log',
    'exec',
    'attach',
    'portforward',
    'eviction',
    'binding',
    'ephemeralcontainers',
    'resize',
  ],
  initialStatus: () => ({ phase: 'Pending' }),
  setDefaults(pod) {
    if (!isObject(pod.spec)) return;
    setPodSpecDefaults(pod.spec);
    pod.spec['enableServiceLinks'] ??= true;
    pod.spec['serviceAccountName'] ??= 'default';
    pod.spec['serviceAccount'] ??= pod.spec['serviceAccountName'];
    pod.spec['priority'] ??= 0;
    pod.spec['preemptionPolicy'] ??= 'PreemptLowerPriority';
  },
  admit(pod, old, context) {
    if (old) return;
    setPriority(pod, context);
    limitPod(pod, context);
    pod.status = { ...pod.status, qosClass: qosClassOf(pod.spec ?? {}) };
  },
  validate: (pod, old) => [
    ...validatePodSpec(pod.spec, 'spec'),
    ...validateEphemeral(pod.spec ?? {}, old?.spec),
    ...(old ? validateSpecUnchanged(pod.spec ?? {}, old.spec ?? {}) : []),
    ...(old ? validateResize(pod.spec ?? {}, old.spec ?? {}, qosClassOf) : []),
  ],
  fields: {
    'spec.nodeName': (pod) => textAt(pod, 'spec', 'nodeName'),
    'spec.restartPolicy': (pod) => textAt(pod, 'spec', 'restartPolicy'),
    'spec.schedulerName': (pod) => textAt(pod, 'spec', 'schedulerName'),
    'spec.serviceAccountName': (pod) => textAt(pod, 'spec', 'serviceAccountName'),
    'spec.hostNetwork': (pod) => textAt(pod, 'spec', 'hostNetwork') || 'false',
    'status.phase': (pod) => textAt(pod, 'status', 'phase'),
    'status.podIP': (pod) => textAt(pod, 'status', 'podIP'),
    'status.nominatedNodeName': (pod) => textAt(pod, 'status', 'nominatedNodeName'),
  },
  columns: [
    nameColumn,
    { name: 'Ready', value: (pod) => `${readyCount(pod)}/${listAt(pod, 'spec', 'containers').length}` },
    { name: 'Status', value: podStatusText },
    { name: 'Restarts', value: restartsText },
    ageColumn,
    wide(pathColumn('IP', ['status', 'podIP'], '<none>')),
    wide(pathColumn('Node', ['spec', 'nodeName'], '<none>')),
    wide(pathColumn('Nominated Node', ['status', 'nominatedNodeName'], '<none>')),
    wide({ name: 'Readiness Gates', value: () => '<none>' }),
  ],
});

export const podTemplates = defineKind({
  group: '',
  version: 'v1',
  kind: 'PodTemplate',
  plural: 'podtemplates',
  columns: [
    nameColumn,
    countColumn('Containers', (each) => listAt(each, 'template', 'spec', 'containers').length),
  ],
});

function qosClassOf(spec: JsonObject): string {
  const containers = listAt(spec, 'containers');
  const amounts = containers.flatMap((each) => [
    at(each, 'resources', 'limits'),
    at(each, 'resources', 'requests'),
  ]);
  if (amounts.every((each) => !isObject(each) || Object.keys(each).length === 0)) return 'BestEffort';
  const isGuaranteed = containers.every((each) =>
    ['cpu', 'memory'].every((name) => {
      const limit = textAt(each, 'resources', 'limits', name);
      const request = textAt(each, 'resources', 'requests', name);
      return limit !== '' && (request === '' || request === limit);
    }),
  );
  return isGuaranteed ? 'Guaranteed' : 'Burstable';
}

/** Once made, a pod's spec may change only in images, deadlines, tolerations, and its node be chosen once. */
function validateSpecUnchanged(spec: JsonObject, old: JsonObject): FieldError[] {
  if (isDeepStrictEqual(fixedPart(spec, old), fixedPart(old, old))) return [];
  return [
    forbiddenField(
      'spec',
      'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
    ),
  ];
}

/** What serves traffic or is restarted: a debug container does neither, and takes from the pod's own resources. */
const notEphemeral = [
  'ports',
  'livenessProbe',
  'readinessProbe',
  'startupProbe',
  'lifecycle',
  'restartPolicy',
];

/** Debug containers are added to a pod that exists, and stay as they are. */
function validateEphemeral(spec: JsonObject, old: JsonObject | undefined): FieldError[] {
  const path = 'spec.ephemeralContainers';
  const added = listAt(spec, 'ephemeralContainers');
  if (!old) return added.length > 0 ? [forbiddenField(path, 'cannot be set on create')] : [];
  const known = listAt(old, 'ephemeralContainers');
  const isKept = known.every((each) => added.some((one) => isDeepStrictEqual(one, each)));
  if (!isKept) return [forbiddenField(path, 'existing ephemeral containers may not be removed or changed')];
  const targets = listAt(spec, 'containers').map((each) => textAt(each, 'name'));
  const names = [...targets, ...listAt(spec, 'initContainers').map((each) => textAt(each, 'name'))];
  return added.flatMap((each, i) => {
    const name = textAt(each, 'name');
    const target = textAt(each, 'targetContainerName');
    const isTwice = names.includes(name);
    names.push(name);
    return [
      ...validateContainer(each, `${path}[${i}]`, volumeNamesOf(spec)),
      ...(isTwice ? [duplicate(`${path}[${i}].name`, name)] : []),
      ...notEphemeral
        .filter((field) => each[field] !== undefined)
        .map((field) => forbiddenField(`${path}[${i}].${field}`, 'cannot be set for an Ephemeral Container')),
      ...(Object.keys(isObject(each['resources']) ? each['resources'] : {}).length > 0
        ? [forbiddenField(`${path}[${i}].resources`, 'cannot be set for an Ephemeral Container')]
        : []),
      ...(target && !targets.includes(target)
        ? [invalidValue(`${path}[${i}].targetContainerName`, target, 'must name a container of the pod')]
        : []),
    ];
  });
}

function fixedPart(spec: JsonObject, old: JsonObject): JsonObject {
  const fixed = clone(spec);
  for (const container of [...listAt(fixed, 'containers'), ...listAt(fixed, 'initContainers')])
    for (const name of ['image', 'resources']) delete container[name];
  for (const name of [
    'activeDeadlineSeconds',
    'tolerations',
    'terminationGracePeriodSeconds',
    'ephemeralContainers',
  ]) {
    delete fixed[name];
  }
  if (!old['nodeName']) delete fixed['nodeName'];
  return fixed;
}

function readyCount(pod: ApiObject): number {
  return listAt(pod, 'status', 'containerStatuses').filter((status) => status['ready'] === true).length;
}

function restartsText(pod: ApiObject): string {
  const statuses = listAt(pod, 'status', 'containerStatuses');
  const count = statuses.reduce((sum, status) => sum + Number(status['restartCount'] ?? 0), 0);
  const ends = statuses
    .map((status) => textAt(status, 'lastState', 'terminated', 'finishedAt'))
    .filter(Boolean);
  const last = ends.sort().at(-1);
  return count > 0 && last ? `${count} (${ageText(last)} ago)` : String(count);
}

/** The one word that kubectl shows for a pod's state, in the order of precedence of its printer. */
function podStatusText(pod: ApiObject): string {
  const statuses = listAt(pod, 'status', 'containerStatuses');
  let text = textAt(pod, 'status', 'reason') || textAt(pod, 'status', 'phase') || 'Unknown';
  const initText = initStatusText(pod);
  if (initText) text = initText;
  else {
    for (const status of statuses.toReversed()) {
      const { waiting, terminated } = isObject(status['state']) ? status['state'] : {};
      if (textAt(waiting, 'reason')) text = textAt(waiting, 'reason');
      else if (isObject(terminated)) text = terminatedText(terminated);
    }
    const isRunning = statuses.some((status) => status['ready'] === true && at(status, 'state', 'running'));
    if (text === 'Completed' && isRunning) text = 'Running';
  }
  if (!pod.metadata.deletionTimestamp) return text;
  return textAt(pod, 'status', 'reason') === 'NodeLost' ? 'Unknown' : 'Terminating';
}

function initStatusText(pod: ApiObject): string | undefined {
  const statuses = listAt(pod, 'status', 'initContainerStatuses');
  const total = listAt(pod, 'spec', 'initContainers').length;
  for (const [i, status] of statuses.entries()) {
    const { waiting, terminated } = isObject(status['state']) ? status['state'] : {};
    if (isObject(terminated)) {
      if (Number(terminated['exitCode']) === 0) continue;
      return `Init:${terminatedText(terminated)}`;
    }
    const reason = textAt(waiting, 'reason');
    return reason && reason !== 'PodInitializing' ? `Init:${reason}` : `Init:${i}/${total}`;
  }
  return undefined;
}

function terminatedText(terminated: JsonObject): string {
  const [reason, signal] = [textAt(terminated, 'reason'), textAt(terminated, 'signal')];
  if (reason) return reason;
  return signal && signal !== '0' ? `Signal:${signal}` : `ExitCode:${textAt(terminated, 'exitCode')}`;
}
