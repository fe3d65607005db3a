import { createHash } from 'node:crypto';
import {
  create,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { type Any, anyPack, type Duration, DurationSchema } from '@bufbuild/protobuf/wkt';
import {
  type ConfigSource,
  ApiVersion,
  ConfigSourceSchema,
} from '@skyarc/lib/contracts/generated/envoy/config/core/v3/core_pb.js';
import type { Resource } from '../types.ts';

/** A message as a resource of that name. */
export function resourceOf<Schema extends DescMessage>(
  schema: Schema,
  name: string,
  message: MessageShape<Schema>,
): Resource {
  const bytes = toBinary(schema, message);
  const digest = createHash('sha256').update(`${name}\0`).update(bytes).digest();
  const version = digest.toString('base64url', 0, 12);
  return { name, version, fingerprint: digest.readBigUInt64BE(), bytes };
}

export function packed<Schema extends DescMessage>(schema: Schema, init: MessageInitShape<Schema>): Any {
  return anyPack(schema, create(schema, init));
}

export function durationOf(ms: number): Duration {
  return create(DurationSchema, { seconds: BigInt(Math.floor(ms / 1_000)), nanos: (ms % 1_000) * 1_000_000 });
}

/** Everything comes by the one stream. */
export function byThisStream(): ConfigSource {
  return create(ConfigSourceSchema, {
    configSourceSpecifier: { case: 'ads', value: {} },
    resourceApiVersion: ApiVersion.V3,
  });
}
