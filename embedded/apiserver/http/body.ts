import type { IncomingMessage } from 'node:http';
import { AppError, messageOf } from '@skyarc/lib/errors';
import { parse } from 'yaml';
import { apiError, badRequest } from '../errors.ts';
import { isObject, type JsonObject } from '../object.ts';
import { decodeKubernetesProtobuf } from '../schema/protobuf.ts';

/** Largest body taken, as in Kubernetes: 3 MiB. */
const limitBytes = 3 * 1024 * 1024;
const maxDepth = 200;

export function mediaTypeOf(request: IncomingMessage): string {
  return (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/** The JSON of a request, also when it came as protobuf; 413 when too large, 415 for another media type, 400 for broken JSON. */
export async function readJson(
  request: IncomingMessage,
  mediaTypes: readonly string[] = jsonTypes,
): Promise<unknown> {
  const mediaType = mediaTypeOf(request);
  if (!mediaTypes.includes(mediaType)) {
    throw apiError(
      415,
      'UnsupportedMediaType',
      `the body of the request was in an unknown format (${mediaType || 'none named'}) - accepted media types include: application/json, ${protobufType}`,
    );
  }
  const bytes = await readBytes(request);
  if (mediaType === protobufType) return decodeKubernetesProtobuf(bytes);
  const text = bytes.toString('utf8');
  try {
    const value: unknown = JSON.parse(text);
    refuseDeep(value, maxDepth);
    return value;
  } catch (error) {
    if (error instanceof SyntaxError) throw badRequest(`couldn't read the body as JSON: ${error.message}`);
    throw error;
  }
}

/** The YAML of a request, of which JSON is a part; one document, no more aliases than a body of JSON could be large. */
export async function readYaml(request: IncomingMessage, mediaType: string): Promise<unknown> {
  if (mediaTypeOf(request) !== mediaType) throw badRequest(`the body is not ${mediaType}`);
  const text = (await readBytes(request)).toString('utf8');
  try {
    const value: unknown = text.trimStart().startsWith('{')
      ? JSON.parse(text)
      : parse(text, { maxAliasCount: 100 });
    refuseDeep(value, maxDepth);
    return value;
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw badRequest(`couldn't read the body as YAML: ${messageOf(error)}`);
  }
}

const protobufType = 'application/vnd.kubernetes.protobuf';
const jsonTypes = ['application/json', '', '*/*', protobufType];

/** An object in the body, or an empty one when there is no body. */
export async function readOptions(request: IncomingMessage): Promise<JsonObject> {
  const hasBody =
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
  if (!hasBody) return {};
  const value = await readJson(request);
  if (!isObject(value)) throw badRequest('the body of the request is not an object');
  return value;
}

async function readBytes(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limitBytes) {
      throw apiError(413, 'RequestEntityTooLarge', `limit is ${limitBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Deep nesting would break what walks the object by recursion later. */
function refuseDeep(value: unknown, left: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (left === 0) throw badRequest(`the body is nested more than ${maxDepth} levels deep`);
  for (const each of Object.values(value)) refuseDeep(each, left - 1);
}
