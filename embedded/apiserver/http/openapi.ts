import type { Served } from '../served.ts';
import { versionInfo } from './discovery.ts';

/**
 * `/openapi/v2`: no definitions, which makes clients leave validation to the server. kubectl asks for it as
 * protobuf (gnostic openapi.v2.Document: swagger = 1, info = 2 { title = 1, version = 2 }, paths = 8).
 */
export function openApiV2(accept: string): { type: string; body: Buffer } {
  const title = 'Kubernetes';
  const { gitVersion } = versionInfo;
  if (!accept.includes('openapi.spec.v2') || !accept.includes('protobuf')) {
    const document = { swagger: '2.0', info: { title, version: gitVersion }, paths: {}, definitions: {} };
    return { type: 'application/json', body: Buffer.from(JSON.stringify(document)) };
  }
  const info = Buffer.concat([field(1, title), field(2, gitVersion)]);
  return {
    type: 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf',
    body: Buffer.concat([field(1, '2.0'), field(2, info), field(8, '')]),
  };
}

/** A length-delimited protobuf field shorter than 128 bytes. */
function field(number: number, value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([(number << 3) | 2, bytes.length]), bytes]);
}

/** `/openapi/v3`: the groups, and below it one document per group and version. */
export function openApiV3(path: string, served: readonly Served[]): object | undefined {
  const groups = new Set(
    served.map(({ group, version }) => (group ? `apis/${group}/${version}` : `api/${version}`)),
  );
  if (path === '/openapi/v3') {
    const paths = [...groups].map((each) => [each, { serverRelativeURL: `/openapi/v3/${each}` }]);
    return { paths: Object.fromEntries(paths) };
  }
  if (!groups.has(path.slice('/openapi/v3/'.length))) return undefined;
  return { openapi: '3.0.0', info: { title: 'Kubernetes', version: versionInfo.gitVersion }, paths: {} };
}
