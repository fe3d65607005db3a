import { duplicate, invalidValue, notSupported, required, type FieldError } from '../field-error.ts';
import { nameProblem } from '../metadata.ts';
import { at, isObject, listAt, textAt, type JsonObject } from '../object.ts';

/** Defaults of a pod's spec, also inside the templates of workloads (core/v1 defaults). */
export function setPodSpecDefaults(spec: JsonObject): void {
  spec['restartPolicy'] ??= 'Always';
  spec['terminationGracePeriodSeconds'] ??= 30;
  spec['dnsPolicy'] ??= 'ClusterFirst';
  spec['securityContext'] ??= {};
  spec['schedulerName'] ??= 'default-scheduler';
  for (const list of ['containers', 'initContainers', 'ephemeralContainers']) {
    listAt(spec, list).forEach(setContainerDefaults);
  }
  for (const volume of listAt(spec, 'volumes')) setVolumeDefaults(volume);
}

/** The same inside a workload's template. */
export function setTemplateDefaults(object: JsonObject): void {
  const podSpec = at(object, 'spec', 'template', 'spec');
  if (isObject(podSpec)) setPodSpecDefaults(podSpec);
}

function setContainerDefaults(container: JsonObject): void {
  container['terminationMessagePath'] ??= '/dev/termination-log';
  container['terminationMessagePolicy'] ??= 'File';
  container['imagePullPolicy'] ??= pullPolicyOf(textAt(container, 'image'));
  container['resources'] ??= {};
  for (const port of listAt(container, 'ports')) port['protocol'] ??= 'TCP';
  for (const probe of ['livenessProbe', 'readinessProbe', 'startupProbe'].map((name) => container[name])) {
    if (isObject(probe)) setProbeDefaults(probe);
  }
  const { limits, requests } = container['resources'] as { limits?: JsonObject; requests?: JsonObject };
  if (isObject(limits))
    Object.assign(container['resources'] as JsonObject, { requests: { ...limits, ...requests } });
  for (const env of listAt(container, 'env')) {
    const fieldRef = isObject(env['valueFrom']) ? env['valueFrom']['fieldRef'] : undefined;
    if (isObject(fieldRef)) fieldRef['apiVersion'] ??= 'v1';
  }
}

/** Without a tag, or with `latest`, an image may change under its name. */
function pullPolicyOf(image: string): string {
  if (image.includes('@')) return 'IfNotPresent';
  const tag = /:([^:/]+)$/.exec(image)?.[1] ?? 'latest';
  return tag === 'latest' ? 'Always' : 'IfNotPresent';
}

function setProbeDefaults(probe: JsonObject): void {
  probe['timeoutSeconds'] ??= 1;
  probe['periodSeconds'] ??= 10;
  probe['successThreshold'] ??= 1;
  probe['failureThreshold'] ??= 3;
  const { httpGet } = probe;
  if (isObject(httpGet)) {
    httpGet['path'] ??= '/';
    httpGet['scheme'] ??= 'HTTP';
  }
}

function setVolumeDefaults(volume: JsonObject): void {
  for (const source of ['secret', 'configMap', 'projected', 'downwardAPI']) {
    if (isObject(volume[source])) volume[source]['defaultMode'] ??= 0o644;
  }
  if (isObject(volume['hostPath'])) volume['hostPath']['type'] ??= '';
  if (Object.keys(volume).length === 1) volume['emptyDir'] = {};
}

/**
 * What is wrong with a pod's spec at a path (the checks of core/v1 validation that people run into). Volumes
 * named apart are added to its pods by others, as a StatefulSet does with its claims.
 */
export function validatePodSpec(
  spec: unknown,
  path: string,
  addedVolumes: readonly string[] = [],
): FieldError[] {
  if (!isObject(spec)) return [required(path)];
  const containers = listAt(spec, 'containers');
  const all = [...containers, ...listAt(spec, 'initContainers')];
  const names = all.map((container) => textAt(container, 'name'));
  const volumes = listAt(spec, 'volumes');
  const volumeNames = new Set([...volumeNamesOf(spec), ...addedVolumes]);
  return [
    ...(containers.length === 0 ? [required(`${path}.containers`)] : []),
    ...containers.flatMap((each, i) => validateContainer(each, `${path}.containers[${i}]`, volumeNames)),
    ...listAt(spec, 'initContainers').flatMap((each, i) =>
      validateContainer(each, `${path}.initContainers[${i}]`, volumeNames),
    ),
    ...names.flatMap((name, i) =>
      name && names.indexOf(name) < i ? [duplicate(`${path}.containers[${i}].name`, name)] : [],
    ),
    ...volumes.flatMap((volume, i) => validateVolume(volume, `${path}.volumes[${i}]`)),
    ...oneOf(`${path}.restartPolicy`, spec['restartPolicy'], ['Always', 'OnFailure', 'Never']),
    ...oneOf(`${path}.dnsPolicy`, spec['dnsPolicy'], [
      'ClusterFirstWithHostNet',
      'ClusterFirst',
      'Default',
      'None',
    ]),
    ...(Number(spec['terminationGracePeriodSeconds']) < 0
      ? [
          invalidValue(
            `${path}.terminationGracePeriodSeconds`,
            spec['terminationGracePeriodSeconds'],
            'must be greater than or equal to 0',
          ),
        ]
      : []),
  ];
}

export function volumeNamesOf(spec: JsonObject): ReadonlySet<string> {
  return new Set(listAt(spec, 'volumes').map((volume) => textAt(volume, 'name')));
}

/** What is wrong with one container at a path, given the names of the pod's volumes. */
export function validateContainer(
  container: JsonObject,
  path: string,
  volumes: ReadonlySet<string>,
): FieldError[] {
  const name = textAt(container, 'name');
  const problem = name ? nameProblem('label', name) : undefined;
  return [
    ...(name ? [] : [required(`${path}.name`)]),
    ...(problem ? [invalidValue(`${path}.name`, name, problem)] : []),
    ...(textAt(container, 'image').trim() ? [] : [required(`${path}.image`)]),
    ...oneOf(`${path}.imagePullPolicy`, container['imagePullPolicy'], ['Always', 'IfNotPresent', 'Never']),
    ...listAt(container, 'ports').flatMap((port, i) => [
      ...portErrors(`${path}.ports[${i}].containerPort`, port['containerPort']),
      ...oneOf(`${path}.ports[${i}].protocol`, port['protocol'], ['SCTP', 'TCP', 'UDP']),
    ]),
    ...listAt(container, 'env').flatMap((env, i) => envErrors(env, `${path}.env[${i}]`)),
    ...listAt(container, 'volumeMounts').flatMap((mount, i) => [
      ...(textAt(mount, 'mountPath') ? [] : [required(`${path}.volumeMounts[${i}].mountPath`)]),
      ...(volumes.has(textAt(mount, 'name'))
        ? []
        : [
            {
              field: `${path}.volumeMounts[${i}].name`,
              reason: 'FieldValueInvalid' as const,
              message: `Not found: "${textAt(mount, 'name')}"`,
            },
          ]),
    ]),
    ...resourceErrors(container['resources'], `${path}.resources`),
  ];
}

function envErrors(env: JsonObject, path: string): FieldError[] {
  const name = textAt(env, 'name');
  if (!name) return [required(`${path}.name`)];
  if (/^[-._a-zA-Z][-._a-zA-Z0-9]*$/.test(name)) return [];
  return [
    invalidValue(
      `${path}.name`,
      name,
      "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1', regex used for validation is '[-._a-zA-Z][-._a-zA-Z0-9]*')",
    ),
  ];
}

const quantity = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+|[numkMGTPE]|[KMGTPE]i)?$/;

function resourceErrors(resources: unknown, path: string): FieldError[] {
  if (!isObject(resources)) return [];
  return ['limits', 'requests'].flatMap((part) => {
    const amounts = resources[part];
    if (!isObject(amounts)) return [];
    return Object.entries(amounts).flatMap(([name, amount]) =>
      quantity.test(String(amount))
        ? []
        : [
            invalidValue(
              `${path}.${part}[${name}]`,
              amount,
              "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
            ),
          ],
    );
  });
}

function validateVolume(volume: JsonObject, path: string): FieldError[] {
  const name = textAt(volume, 'name');
  const problem = name ? nameProblem('label', name) : undefined;
  if (!name) return [required(`${path}.name`)];
  return problem ? [invalidValue(`${path}.name`, name, problem)] : [];
}

export function portErrors(path: string, port: unknown): FieldError[] {
  if (port === undefined) return [required(path)];
  const isPort = typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= 65_535;
  return isPort ? [] : [invalidValue(path, port, 'must be between 1 and 65535, inclusive')];
}

export function oneOf(path: string, value: unknown, supported: readonly string[]): FieldError[] {
  return value === undefined || supported.includes(value as string)
    ? []
    : [notSupported(path, value, supported)];
}
