import { availableParallelism } from 'node:os';
import { renderCadvisor } from './cadvisor.ts';
import type { NodePage } from '../../apiserver/node-proxy.ts';
import type { PodDiskUsage } from './disk.ts';
import type { UsageSample } from './meter.ts';
import { metricsContentType } from './prometheus.ts';
import { renderSummary } from './summary.ts';
import { renderKubeletMetrics } from './volume-metrics.ts';

/** The pages of this node by path (`/metrics`, `/metrics/cadvisor`, `/stats/summary`, `/healthz`); null for another. */
export function renderNodePage(
  path: string,
  nodeName: string,
  { before, now }: { before: UsageSample | undefined; now: UsageSample | undefined },
  disk: ReadonlyMap<string, PodDiskUsage>,
): NodePage | null {
  switch (path) {
    case '/healthz':
      return { contentType: 'text/plain; charset=utf-8', body: 'ok' };
    case '/metrics': {
      const pods = now?.pods ?? [];
      const containers = pods.reduce((sum, pod) => sum + pod.containers.length, 0);
      return text(renderKubeletMetrics({ pods: pods.length, containers }, disk));
    }
    case '/metrics/cadvisor':
      return text(now ? renderCadvisor(now, disk, availableParallelism()) : '');
    case '/stats/summary': {
      const body = now ? renderSummary(nodeName, { before, now }, disk) : { pods: [] };
      return { contentType: 'application/json', body: JSON.stringify(body) };
    }
    default:
      return null;
  }
}

function text(body: string): NodePage {
  return { contentType: metricsContentType, body };
}
