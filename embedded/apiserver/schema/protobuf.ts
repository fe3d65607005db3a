import { badRequest } from '../errors.ts';
import type { JsonObject } from '../object.ts';
import { fieldsOf, typeOfKind, type Field } from './index.ts';

const magic = Buffer.from('k8s\0');
const maxDepth = 100;

/**
 * The JSON of a body in `application/vnd.kubernetes.protobuf`: "k8s\0", then runtime.Unknown
 * { typeMeta = 1 { apiVersion = 1, kind = 2 }, raw = 2 } around the object's own message. 400 when malformed.
 */
export function decodeKubernetesProtobuf(body: Buffer): JsonObject {
  if (!body.subarray(0, 4).equals(magic)) throw malformed('it does not begin with its magic number');
  const envelope = new Map(readFields(body.subarray(4)).map((each) => [each.number, each]));
  const typeMeta = new Map(
    readFields(bytesOf(envelope.get(1))).map((each) => [each.number, bytesOf(each).toString()]),
  );
  const apiVersion = typeMeta.get(1) ?? '';
  const kind = typeMeta.get(2) ?? '';
  const type =
    typeOfKind(apiVersion, kind) ?? (kind === 'DeleteOptions' ? typeOfKind('v1', kind) : undefined);
  if (!type) throw badRequest(`no kind "${kind}" is registered for version "${apiVersion}"`);
  return { apiVersion, kind, ...decodeMessage(bytesOf(envelope.get(2)), type, maxDepth) };
}

interface WireField {
  readonly number: number;
  /** Of varints and fixed numbers. */
  readonly value: bigint;
  readonly bytes: Buffer | undefined;
}

function decodeMessage(body: Buffer, type: string, depth: number): JsonObject {
  if (depth === 0) throw malformed('it is nested too deep');
  const fields = Object.entries(fieldsOf(type) ?? {});
  const byNumber = new Map(fields.map(([name, field]) => [field.number, { name, field }]));
  const object: JsonObject = {};
  for (const wire of readFields(body)) {
    const known = byNumber.get(wire.number);
    if (known) addField(object, known.name, known.field, { wire, depth });
  }
  return object;
}

function addField(
  object: JsonObject,
  name: string,
  field: Field,
  { wire, depth }: { wire: WireField; depth: number },
): void {
  if (field.form === 'map') {
    const entry = new Map(readFields(bytesOf(wire)).map((each) => [each.number, each]));
    const map = (object[name] ??= {}) as JsonObject;
    const value = entry.get(2) ?? { number: 2, value: 0n, bytes: Buffer.alloc(0) };
    define(map, bytesOf(entry.get(1)).toString(), decodeValue(value, field.type, depth));
    return;
  }
  const value = decodeValue(wire, field.type, depth);
  if (field.form === 'list') ((object[name] ??= []) as unknown[]).push(value);
  else if (field.inline) Object.assign(object, value);
  else if (value !== undefined && !(field.noZero && isZero(value))) object[name] = value;
}

function decodeValue(wire: WireField, type: string, depth: number): unknown {
  switch (type) {
    case 'string':
      return bytesOf(wire).toString();
    case 'boolean':
      return wire.value !== 0n;
    case 'integer':
      return Number(BigInt.asIntN(64, wire.value));
    case 'number':
      return Buffer.from(BigUint64Array.of(wire.value).buffer).readDoubleLE();
    case 'bytes':
      return bytesOf(wire).toString('base64');
    case 'raw':
      return rawOf(bytesOf(wire));
    default:
      return fieldsOf(type)
        ? decodeMessage(bytesOf(wire), type, depth - 1)
        : decodeSpecial(bytesOf(wire), type);
  }
}

/** Messages whose JSON is one value: times, quantities, integer-or-text, lists of text. */
function decodeSpecial(body: Buffer, type: string): unknown {
  const fields = readFields(body);
  const numbered = new Map(fields.map((each) => [each.number, each]));
  const integer = (number: number): number => Number(BigInt.asIntN(64, numbered.get(number)?.value ?? 0n));
  const text = (number: number): string => numbered.get(number)?.bytes?.toString() ?? '';
  switch (type) {
    case 'quantity':
      return text(1);
    case 'intOrString':
      return integer(1) === 1 ? text(3) : integer(2);
    case 'texts':
      return fields.map((each) => bytesOf(each).toString());
    case 'duration':
      return `${integer(1) / 1e9}s`;
    case 'time':
    case 'microTime': {
      if (fields.length === 0) return undefined;
      const whole = new Date(integer(1) * 1_000).toISOString().slice(0, 19);
      const micros = String(Math.floor(integer(2) / 1_000)).padStart(6, '0');
      return type === 'time' ? `${whole}Z` : `${whole}.${micros}Z`;
    }
    default:
      return undefined;
  }
}

/** RawExtension and FieldsV1: JSON in field 1. */
function rawOf(body: Buffer): unknown {
  const raw = readFields(body).find((each) => each.number === 1)?.bytes;
  try {
    return raw && raw.length > 0 ? (JSON.parse(raw.toString()) as unknown) : undefined;
  } catch {
    throw malformed('a raw part of it is no JSON');
  }
}

function isZero(value: unknown): boolean {
  return value === '' || value === 0 || value === false;
}

/** The fields of a message in order (protobuf wire types 0, 1, 2 and 5). */
function readFields(body: Buffer): WireField[] {
  const fields: WireField[] = [];
  let offset = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = body[offset];
      if (byte === undefined) break;
      offset += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw malformed('a number of it does not end');
  };
  const take = (length: number): Buffer => {
    if (offset + length > body.length) throw malformed('it is cut short');
    offset += length;
    return body.subarray(offset - length, offset);
  };
  while (offset < body.length) {
    const tag = varint();
    const number = Number(tag >> 3n);
    const wireType = Number(tag & 7n);
    if (wireType === 0) fields.push({ number, value: varint(), bytes: undefined });
    else if (wireType === 1) fields.push({ number, value: take(8).readBigUInt64LE(), bytes: undefined });
    else if (wireType === 2) fields.push({ number, value: 0n, bytes: take(Number(varint())) });
    else if (wireType === 5) fields.push({ number, value: BigInt(take(4).readUInt32LE()), bytes: undefined });
    else throw malformed(`it has wire type ${wireType}`);
  }
  return fields;
}

function bytesOf(wire: WireField | undefined): Buffer {
  return wire?.bytes ?? Buffer.alloc(0);
}

function define(object: JsonObject, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}

function malformed(why: string): Error {
  return badRequest(`couldn't read the body as Kubernetes protobuf: ${why}`);
}
