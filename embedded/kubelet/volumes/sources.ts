import { AppError } from '@skyarc/lib/errors';
import { readField, readResource, type Lookups, type NodeFacts } from '../render/environment.ts';
import { identityOf, type Pod, type PodSpec } from '../pod.ts';
import type { Payload, PayloadFile } from './payload.ts';

export interface PayloadInput {
  readonly pod: Pod;
  readonly podIp: string;
  readonly node: NodeFacts;
  readonly lookups: Lookups & {
    /** A token of a service account for a bound pod; absent when the cluster issues none. */
    serviceAccountToken?(pod: Pod, audience: string | undefined, expirationSeconds: number): Promise<string>;
  };
}

type Volume = NonNullable<PodSpec['volumes']>[number];
type Projection = NonNullable<NonNullable<Volume['projected']>['sources']>[number];
type Items = { key: string; path: string; mode?: number }[] | undefined;
type MutablePayload = Map<string, PayloadFile>;

const defaultMode = 0o644;

/** Files of a configMap, secret, downwardAPI or projected volume; undefined for another kind of volume. */
export async function readPayload(input: PayloadInput, volume: Volume): Promise<Payload | undefined> {
  const payload: MutablePayload = new Map();
  const { configMap, secret, downwardAPI, projected } = volume;
  if (configMap) await addConfigMap(input, configMap, configMap.defaultMode, payload);
  else if (secret) {
    await addSecret(input, { ...secret, name: secret.secretName }, secret.defaultMode, payload);
  } else if (downwardAPI) addDownward(input, downwardAPI.items ?? [], downwardAPI.defaultMode, payload);
  else if (projected) {
    for (const source of projected.sources ?? [])
      await addProjection(input, source, projected.defaultMode, payload);
  } else return undefined;
  return payload;
}

async function addProjection(
  input: PayloadInput,
  source: Projection,
  mode: number | undefined,
  payload: MutablePayload,
): Promise<void> {
  if (source.configMap) await addConfigMap(input, source.configMap, mode, payload);
  if (source.secret) await addSecret(input, source.secret, mode, payload);
  if (source.downwardAPI) addDownward(input, source.downwardAPI.items ?? [], mode, payload);
  if (source.serviceAccountToken) {
    const { audience, expirationSeconds = 3600, path } = source.serviceAccountToken;
    const token = await input.lookups.serviceAccountToken?.(input.pod, audience, expirationSeconds);
    if (token === undefined) throw new AppError('INVALID', 'this cluster issues no service account tokens');
    payload.set(path, { content: Buffer.from(token), mode: mode ?? defaultMode });
  }
}

interface Reference {
  readonly name?: string;
  readonly items?: Items;
  readonly optional?: boolean;
}

async function addConfigMap(
  { pod, lookups }: PayloadInput,
  reference: Reference,
  mode: number | undefined,
  payload: MutablePayload,
): Promise<void> {
  const { namespace } = identityOf(pod);
  const found = await lookups.configMap(namespace, reference.name ?? '');
  if (!found && !reference.optional)
    throw new AppError('INVALID', `configmap "${reference.name ?? ''}" not found`);
  const files = new Map(Object.entries(found?.data ?? {}).map(([key, text]) => [key, Buffer.from(text)]));
  for (const [key, base64] of Object.entries(found?.binaryData ?? {}))
    files.set(key, Buffer.from(base64, 'base64'));
  addItems(files, reference, mode, payload);
}

async function addSecret(
  { pod, lookups }: PayloadInput,
  reference: Reference,
  mode: number | undefined,
  payload: MutablePayload,
): Promise<void> {
  const { namespace } = identityOf(pod);
  const found = await lookups.secret(namespace, reference.name ?? '');
  if (!found && !reference.optional)
    throw new AppError('INVALID', `secret "${reference.name ?? ''}" not found`);
  const entries = Object.entries(found?.data ?? {});
  addItems(
    new Map(entries.map(([key, text]) => [key, Buffer.from(text, 'base64')])),
    reference,
    mode,
    payload,
  );
}

function addItems(
  files: ReadonlyMap<string, Buffer>,
  { name, items, optional }: Reference,
  mode: number | undefined,
  payload: MutablePayload,
): void {
  const chosen: NonNullable<Items> = items ?? [...files.keys()].map((key) => ({ key, path: key }));
  for (const item of chosen) {
    const content = files.get(item.key);
    if (content) payload.set(item.path, { content, mode: item.mode ?? mode ?? defaultMode });
    else if (!optional)
      throw new AppError('INVALID', `references non-existent key ${item.key} in "${name ?? ''}"`);
  }
}

type DownwardItem = NonNullable<NonNullable<Volume['downwardAPI']>['items']>[number];

function addDownward(
  input: PayloadInput,
  items: readonly DownwardItem[],
  mode: number | undefined,
  payload: MutablePayload,
): void {
  for (const { path, mode: own, fieldRef, resourceFieldRef } of items) {
    const text = fieldRef
      ? readField(input, fieldRef.fieldPath)
      : resourceFieldRef
        ? readResource(input, resourceFieldRef)
        : '';
    payload.set(path, { content: Buffer.from(text), mode: own ?? mode ?? defaultMode });
  }
}
