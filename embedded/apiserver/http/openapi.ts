import type { Served } from '../served.ts';
import { versionInfo } from './discovery.ts';

/**
 * `/openapi/v2`: no definitions, which makes clients leave validation to the server, and of the paths what tells
 * kubectl before 1.27 that a dry run is one: the parameter `dryRun` of each kind's PATCH. kubectl asks for it as
 * protobuf (gnostic OpenAPIv2.proto, of which the numbers below are the fields).
 */
export function openApiV2(accept: string, served: readonly Served[]): { type: string; body: Buffer } {
  const title = 'Kubernetes';
  const { gitVersion } = versionInfo;
  const dryRun = { name: 'dryRun', in: 'query', type: 'string' };
  const patches = served.map(({ kind, group, version }) => ({
    path: `${group ? `/apis/${group}` : '/api'}/${version}/${kind.plural}/{name}`,
    kind: { group, version, kind: kind.kind },
  }));
  if (!accept.includes('openapi.spec.v2') || !accept.includes('protobuf')) {
    const paths = Object.fromEntries(
      patches.map(({ path, kind }) => [
        path,
        { patch: { parameters: [dryRun], responses: {}, [kindExtension]: kind } },
      ]),
    );
    const document = { swagger: '2.0', info: { title, version: gitVersion }, paths, definitions: {} };
    return { type: 'application/json', body: Buffer.from(JSON.stringify(document)) };
  }
  // ParametersItem.parameter, Parameter.non_body_parameter, NonBodyParameter.query_parameter_sub_schema
  const parameter = field(
    1,
    field(2, field(3, field(2, dryRun.in), field(4, dryRun.name), field(6, dryRun.type))),
  );
  const items = patches.map(({ path, kind }) => {
    // NamedAny { name, value: Any { yaml } }; JSON is YAML.
    const extension = field(13, field(1, kindExtension), field(2, field(2, JSON.stringify(kind))));
    const pathItem = field(8, field(8, parameter), extension);
    return field(2, field(1, path), field(2, pathItem));
  });
  const info = field(2, field(1, title), field(2, gitVersion));
  return {
    type: 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf',
    body: Buffer.concat([field(1, '2.0'), info, field(8, ...items)]),
  };
}

const kindExtension = 'x-kubernetes-group-version-kind';

/** A length-delimited protobuf field. */
function field(number: number, ...parts: (string | Buffer)[]): Buffer {
  const value = Buffer.concat(parts.map((part) => Buffer.from(part)));
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...varint(value.length)]), value]);
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))];
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
