import type { RouteFieldsFragment, RouteInput } from '@skyarc/sdk';

/** A stored route as it is sent back; passwords stay as they are stored. */
export function inputOf({ url: _url, basicAuthUsers, ...route }: RouteFieldsFragment): RouteInput {
  return {
    ...(route as RouteInput),
    basicAuth: basicAuthUsers.map((name) => ({ name, password: null })),
  };
}

/** A route that does nothing but lead to a port. */
export function newRoute(port: number): RouteInput {
  return {
    id: null,
    host: '',
    path: '/',
    port,
    enabled: true,
    certificateId: null,
    basicAuth: [],
    policy: {
      pathType: 'PREFIX',
      protocol: 'HTTP',
      balance: { kind: 'ROUND_ROBIN', of: null },
      ipAllow: [],
      ipDeny: [],
      httpsRedirect: false,
      compress: false,
    },
  };
}
