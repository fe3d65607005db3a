import { badRequest } from '../errors.ts';
import type { ContainerTarget } from '../node-proxy.ts';
import { listAt, textAt, type ApiObject } from '../object.ts';

/** The container of a pod that a request means; 400 when it must be named, is not there, or has no node yet. */
export function containerTarget(pod: ApiObject, container: string | undefined): ContainerTarget {
  const names = ['containers', 'initContainers', 'ephemeralContainers'].map((list) =>
    listAt(pod, 'spec', list).map((each) => textAt(each, 'name')),
  );
  const main = names[0] ?? [];
  const fallback =
    pod.metadata.annotations?.['kubectl.kubernetes.io/default-container'] ??
    (main.length === 1 ? main[0] : undefined);
  const chosen = container || fallback;
  const { name } = pod.metadata;
  if (!chosen) {
    throw badRequest(
      `a container name must be specified for pod ${name}, choose one of: [${main.join(' ')}]`,
    );
  }
  if (!names.flat().includes(chosen)) throw badRequest(`container ${chosen} is not valid for pod ${name}`);
  return { ...podTarget(pod), container: chosen };
}

export function podTarget(pod: ApiObject): Omit<ContainerTarget, 'container'> {
  const { name, namespace = '', uid } = pod.metadata;
  const nodeName = textAt(pod, 'spec', 'nodeName');
  if (!nodeName) throw badRequest(`pod ${name} does not have a host assigned`);
  return { namespace, pod: name, podUid: uid, nodeName };
}
