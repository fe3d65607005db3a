import type { IncomingMessage, ServerResponse } from 'node:http';
import { messageOf } from '@skyarc/lib/errors';
import { requestRateLabel, requestRateMetric } from '../render/autoscaling.ts';
import type { RequestRates } from './request-rates.ts';

export const metricsGroup = { group: 'external.metrics.k8s.io', version: 'v1beta1' } as const;
const groupVersion = `${metricsGroup.group}/${metricsGroup.version}`;
const root = `/apis/${groupVersion}`;

/** Answers external.metrics.k8s.io/v1beta1: one metric, of one app by its label. */
export async function answerMetrics(
  rates: RequestRates,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const send = (status: number, body: object) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
  const url = new URL(request.url ?? '/', 'https://localhost');
  if (request.method !== 'GET') return send(405, failure(405, 'MethodNotAllowed', 'only GET is answered'));
  if (url.pathname.replace(/\/$/, '') === root) return send(200, resourceList());
  const [, namespace, metric] = new RegExp(`^${root}/namespaces/([^/]+)/([^/]+)$`).exec(url.pathname) ?? [];
  if (!namespace || metric !== requestRateMetric)
    return send(404, failure(404, 'NotFound', 'no such metric'));
  const app = appIn(url.searchParams.get('labelSelector') ?? '');
  if (!app) {
    return send(400, failure(400, 'BadRequest', `the selector must be ${requestRateLabel}=<name of an app>`));
  }
  try {
    send(200, valueList(app, await rates.rateOf(decodeURIComponent(namespace), app)));
  } catch (error) {
    send(503, failure(503, 'ServiceUnavailable', messageOf(error)));
  }
}

/** `app=shop`, or `app in (shop)` as some clients write it. */
function appIn(selector: string): string | undefined {
  return new RegExp(`^${requestRateLabel}(?:==?| in \\()([a-z0-9-]+)\\)?$`).exec(selector)?.[1];
}

function valueList(app: string, rate: number): object {
  return {
    kind: 'ExternalMetricValueList',
    apiVersion: groupVersion,
    metadata: {},
    items: [
      {
        metricName: requestRateMetric,
        metricLabels: { [requestRateLabel]: app },
        timestamp: new Date().toISOString(),
        value: `${Math.round(rate * 1_000)}m`,
      },
    ],
  };
}

function resourceList(): object {
  const kind = 'ExternalMetricValueList';
  const resource = { name: requestRateMetric, singularName: '', namespaced: true, kind, verbs: ['get'] };
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources: [resource] };
}

function failure(code: number, reason: string, message: string): object {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', code, reason, message };
}
