import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { answerMetrics } from './metrics-api.ts';
import { RequestRates } from './request-rates.ts';

const servers: Server[] = [];
let api = '';

async function listen(handler: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(handler);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

beforeAll(async () => {
  const routes = [
    { namespace: 'skyarc-blue', ingress: 'shop', service: 'shop', requestsPerSecond: 12.5 },
    { namespace: 'skyarc-blue', ingress: 'shop-route', service: 'shop', requestsPerSecond: 2 },
    { namespace: 'skyarc-blue', ingress: 'shop', service: 'shop-grey', requestsPerSecond: 7 },
    { namespace: 'skyarc-red', ingress: 'shop', service: 'shop', requestsPerSecond: 100 },
  ];
  const gateway = await listen((_request, response) => response.end(JSON.stringify({ routes })));
  const rates = new RequestRates([gateway, gateway, 'http://127.0.0.1:9']);
  api = await listen((request, response) => void answerMetrics(rates, request, response));
});
afterAll(() => servers.forEach((server) => server.close()));

const metric = '/apis/external.metrics.k8s.io/v1beta1/namespaces/skyarc-blue/skyarc_requests_per_second';

test("an app's rate is the sum over its routes and all gateways that answer", async () => {
  const answer = await (await fetch(`${api}${metric}?labelSelector=app%3Dshop`)).json();
  expect(answer).toMatchObject({
    kind: 'ExternalMetricValueList',
    items: [{ metricName: 'skyarc_requests_per_second', value: '29000m' }],
  });
});

test.each([
  [`${metric}?labelSelector=app%3Dquiet`, 200, '0m'],
  [metric, 400, 'selector'],
  [`${metric}?labelSelector=app!%3Dshop`, 400, 'selector'],
  [metric.replace('skyarc_requests_per_second', 'other'), 404, 'no such metric'],
  ['/apis/external.metrics.k8s.io/v1beta1', 200, 'skyarc_requests_per_second'],
  ['/', 404, 'no such metric'],
])('%s answers %i', async (path, status, text) => {
  const response = await fetch(`${api}${path}`);
  expect(response.status).toBe(status);
  expect(await response.text()).toContain(text);
});

test('without a gateway nothing is known, which is not the same as no requests', async () => {
  const rates = new RequestRates(['http://127.0.0.1:9']);
  await expect(rates.rateOf('skyarc-blue', 'shop')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});
