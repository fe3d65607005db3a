import { create } from '@bufbuild/protobuf';
import { ListenerSchema } from '@skyarc/lib/contracts/generated/envoy/config/listener/v3/listener_pb.js';
import { RouterSchema } from '@skyarc/lib/contracts/generated/envoy/extensions/filters/http/router/v3/router_pb.js';
import { HttpConnectionManagerSchema } from '@skyarc/lib/contracts/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb.js';
import type { Dialect, Resource } from '../types.ts';
import { byThisStream, packed, resourceOf } from './message.ts';

const managerName = 'envoy.filters.network.http_connection_manager';

/** The entry for calls of that name: for gRPC a name alone, for Envoy the port on loopback. */
export function renderListener(name: string, port: number, dialect: Dialect): Resource {
  const manager = packed(HttpConnectionManagerSchema, {
    statPrefix: name,
    routeSpecifier: { case: 'rds', value: { configSource: byThisStream(), routeConfigName: name } },
    httpFilters: [
      {
        name: 'envoy.filters.http.router',
        configType: { case: 'typedConfig', value: packed(RouterSchema, {}) },
      },
    ],
  });
  const listener = create(
    ListenerSchema,
    dialect === 'grpc'
      ? { name, apiListener: { apiListener: manager } }
      : {
          name,
          address: {
            address: {
              case: 'socketAddress',
              value: { address: '127.0.0.1', portSpecifier: { case: 'portValue', value: port } },
            },
          },
          filterChains: [
            { filters: [{ name: managerName, configType: { case: 'typedConfig', value: manager } }] },
          ],
        },
  );
  return resourceOf(ListenerSchema, name, listener);
}
