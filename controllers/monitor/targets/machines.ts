import {
  agentLabel,
  nodeReport,
  nodeVerdict,
  parseStored,
  reportKey,
  verdictAnnotation,
} from '@skyarc/lib/contracts';
import type { KindTable } from '@skyarc/lib/kube';
import type { Target } from './target.ts';

/** A machine as its agent and the master tell of it, whether it is a Kubernetes Node or not. */
export interface Machine {
  readonly name: string;
  readonly isOffline: boolean;
  /** Null where it has no node-exporter that answers. */
  readonly exporterUrl: string | null;
}

/** From the ConfigMaps of the agents; a report that cannot be read still has a verdict. */
export function machineOf({ metadata, data }: KindTable['configmaps']): Machine {
  const verdict = parseStored(nodeVerdict, metadata?.annotations?.[verdictAnnotation]);
  return {
    name: metadata?.labels?.[agentLabel] ?? '',
    isOffline: verdict?.state === 'OFFLINE',
    exporterUrl: parseStored(nodeReport, data?.[reportKey])?.exporterUrl ?? null,
  };
}

/** The node-exporters that agents run. */
export function machineTargets(machines: readonly Machine[]): Target[] {
  return machines.flatMap(({ name, exporterUrl }): Target[] => {
    if (exporterUrl === null) return [];
    const { protocol, host, pathname } = new URL(exporterUrl);
    return [
      {
        job: 'nodes',
        instance: name,
        scheme: protocol === 'https:' ? 'https' : 'http',
        address: host,
        path: pathname,
        viaCluster: false,
        labels: { node: name },
      },
    ];
  });
}
