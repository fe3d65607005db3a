import { fromBinary, toJson } from '@bufbuild/protobuf';
import { meshRule, type MeshRule } from '@skyarc/lib/contracts';
import { ClusterSchema } from '@skyarc/lib/contracts/generated/envoy/config/cluster/v3/cluster_pb.js';
import { RouteConfigurationSchema } from '@skyarc/lib/contracts/generated/envoy/config/route/v3/route_pb.js';
import { expect, test } from 'vitest';
import type { Dialect } from '../types.ts';
import { renderCluster } from './cluster.ts';
import { renderRoute } from './route.ts';

const ruleOf = (rule: object): MeshRule => meshRule.parse({ service: 'shop', ...rule });

/** As the other side reads it. */
function clusterOf(rule: object): unknown {
  const destination = { service: 'shop', port: 80, isHttp2: true };
  const { bytes } = renderCluster(destination, ruleOf(rule), 'grpc');
  return toJson(ClusterSchema, fromBinary(ClusterSchema, bytes));
}

function routesOf(rule: object, dialect: Dialect = 'grpc'): unknown[] {
  const { bytes } = renderRoute(ruleOf(rule), 80, dialect);
  const [host] = fromBinary(RouteConfigurationSchema, bytes).virtualHosts;
  const { virtualHosts } = toJson(RouteConfigurationSchema, fromBinary(RouteConfigurationSchema, bytes)) as {
    virtualHosts: { routes: unknown[] }[];
  };
  expect(host?.domains).toEqual(['*']);
  return virtualHosts[0]?.routes ?? [];
}

test('endpoints that fail are left out by failures of a hundred, and by nothing that only one client knows', () => {
  const outlierDetection = {
    failurePercent: 40,
    minimumRequests: 7,
    intervalMs: 2_500,
    ejectionMs: 45_000,
    maxEjectionPercent: 30,
  };
  expect(clusterOf({ policy: { outlierDetection } })).toMatchObject({
    outlierDetection: {
      interval: '2.500s',
      baseEjectionTime: '45s',
      maxEjectionPercent: 30,
      enforcingConsecutive5xx: 0,
      enforcingSuccessRate: 0,
      failurePercentageThreshold: 40,
      enforcingFailurePercentage: 100,
      failurePercentageMinimumHosts: 2,
      failurePercentageRequestVolume: 7,
    },
  });
  expect(clusterOf({})).not.toHaveProperty('outlierDetection');
});

test('a header is matched by its value, by its beginning, or by being there; what none fits goes to the service', () => {
  const targets = [{ service: 'other', weight: 1 }];
  const headers = [
    { name: 'x-user', exact: 'ann' },
    { name: 'x-version', prefix: 'beta-' },
    { name: 'x-debug' },
  ];
  const [matched, rest] = routesOf({ routes: [{ headers, targets }] });
  expect(matched).toMatchObject({
    match: {
      headers: [
        { name: 'x-user', stringMatch: { exact: 'ann' } },
        { name: 'x-version', stringMatch: { prefix: 'beta-' } },
        { name: 'x-debug', presentMatch: true },
      ],
    },
    route: { cluster: 'shop>other:80' },
  });
  expect(rest).toMatchObject({ match: { prefix: '' }, route: { cluster: 'shop:80' } });
  expect(rest).not.toHaveProperty('match.headers');
});

test('a try has its own time within that of the call; Envoy tries again for more reasons', () => {
  const retries = { attempts: 2, perTryTimeoutMs: 750, on: ['UNAVAILABLE', 'RESOURCE_EXHAUSTED'] };
  const rule = { policy: { timeoutMs: 3_000, retries } };
  expect(routesOf(rule)).toMatchObject([
    {
      route: {
        timeout: '3s',
        maxStreamDuration: { maxStreamDuration: '3s' },
        retryPolicy: {
          retryOn: 'unavailable,resource-exhausted',
          numRetries: 2,
          perTryTimeout: '0.750s',
          retryBackOff: { baseInterval: '0.025s', maxInterval: '0.250s' },
        },
      },
    },
  ]);
  const [proxied] = routesOf(rule, 'envoy');
  expect(proxied).toHaveProperty(
    'route.retryPolicy.retryOn',
    'unavailable,resource-exhausted,connect-failure,refused-stream,gateway-error',
  );
  const [plain] = routesOf({ policy: { retries: { attempts: 1 } } });
  expect(plain).toMatchObject({ route: { timeout: '0s' } });
  expect(plain).not.toHaveProperty('route.retryPolicy.perTryTimeout');
  expect(plain).not.toHaveProperty('route.maxStreamDuration');
});
