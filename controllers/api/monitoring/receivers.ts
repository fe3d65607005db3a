import {
  alertSeverities,
  newId,
  type ReceiverKind,
  receiverKinds,
  type ReceiverSettings,
} from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { check } from '@skyarc/lib/input';
import type { AlertReceiverRecord } from '@skyarc/prisma/datacenter';
import { z } from 'zod';
import type { Api } from '../api.ts';
import type { CallContext } from '../context.ts';
import type { AlertReceiver, AlertReceiverInput, AlertSeverity } from '../generated/resolvers.ts';
import { ownerOf } from './rules.ts';

const maxReceivers = 20;
const what = 'Cannot save the receiver';

const common = z.object({
  name: z.string().trim().min(1, 'A receiver has a name').max(80, 'A name has at most 80 characters'),
  minSeverity: z.enum(alertSeverities).default('WARNING'),
  enabled: z.boolean().default(true),
});

/** By name. */
export async function listReceivers(api: Api, context: CallContext): Promise<AlertReceiver[]> {
  const found = await api.repository.db.alertReceiver.findMany({
    where: { teamName: ownerOf(context) },
    orderBy: { name: 'asc' },
  });
  return found.map(presentReceiver);
}

/** Throws INVALID, EXHAUSTED, NOT_FOUND. */
export async function saveReceiver(
  api: Api,
  raw: AlertReceiverInput,
  context: CallContext,
): Promise<AlertReceiver> {
  const teamName = ownerOf(context);
  const { db } = api.repository;
  const { kind } = raw;
  if (kind === 'HEARTBEAT' && teamName !== null) {
    throw new AppError('INVALID', `${what}: a heartbeat is of the whole platform; ask an administrator`);
  }
  const present = raw.id ? await getReceiver(api, raw.id, context) : null;
  if (!present && (await db.alertReceiver.count({ where: { teamName } })) >= maxReceivers) {
    throw new AppError('EXHAUSTED', `${what}: there are ${maxReceivers} already`);
  }
  const id = present?.id ?? newId(api.config.dataCenter, 'receiver');
  const values = check(what, common, raw);
  const settings: unknown = check(what, receiverKinds[kind].settings, settingsOf(raw));
  const secret = sealedSecret(api, { id, kind, raw, present });
  const row = { ...values, kind, settings: JSON.stringify(settings), secret };
  const saved = await db.alertReceiver.upsert({
    where: { id },
    create: { id, teamName, ...row },
    update: { ...row, lastError: null },
  });
  await api.monitor.changed();
  return presentReceiver(saved);
}

export async function deleteReceiver(api: Api, id: string, context: CallContext): Promise<boolean> {
  await getReceiver(api, id, context);
  await api.repository.db.alertReceiver.delete({ where: { id } });
  await api.monitor.changed();
  return true;
}

/** Throws what the receiver's server said. */
export async function testReceiver(api: Api, id: string, context: CallContext): Promise<boolean> {
  await getReceiver(api, id, context);
  await api.monitor.call('POST', `/receivers/${encodeURIComponent(id)}/test`, z.unknown());
  return true;
}

async function getReceiver(api: Api, id: string, context: CallContext): Promise<AlertReceiverRecord> {
  const where = { id, teamName: ownerOf(context) };
  const found = await api.repository.db.alertReceiver.findFirst({ where });
  if (!found) throw new AppError('NOT_FOUND', 'There is no such receiver');
  return found;
}

/** What is not said stays, as long as it leads to the same place: a key must not be taken to another. */
function sealedSecret(
  { secretBox }: Api,
  about: {
    readonly id: string;
    readonly kind: ReceiverKind;
    readonly raw: AlertReceiverInput;
    readonly present: AlertReceiverRecord | null;
  },
): string | null {
  const { id, kind, raw, present } = about;
  const context = `receiver:${id}`;
  const known =
    present?.secret && present.kind === kind && isSamePlace(raw, present)
      ? (JSON.parse(secretBox.open(present.secret, context)) as object)
      : {};
  const { url, password, signingKey } = raw;
  // Another address without its key is another receiver.
  const kept = url ? {} : known;
  const given = Object.fromEntries(
    Object.entries({ url, password, signingKey }).filter(([, value]) => value),
  );
  const secret = check(what, receiverKinds[kind].secret, { ...kept, ...given });
  // Mail servers may ask for no password.
  if (Object.keys(secret).length === 0) return null;
  return secretBox.seal(JSON.stringify(secret), context);
}

function isSamePlace({ kind, mail }: AlertReceiverInput, present: AlertReceiverRecord): boolean {
  if (kind !== 'MAIL') return true;
  const before = JSON.parse(present.settings) as Partial<ReceiverSettings<'MAIL'>>;
  return before.host === mail?.host && before.port === (mail?.port ?? before.port);
}

function settingsOf({ kind, mail, channel, language }: AlertReceiverInput): unknown {
  if (kind === 'HEARTBEAT') return {};
  if (kind === 'MAIL' && !mail) throw new AppError('INVALID', `${what}: a mail server is needed`);
  const own = kind === 'MAIL' ? mail : kind === 'SLACK' ? { channel } : {};
  return withoutNull({ ...own, language });
}

function withoutNull(value: object): object {
  return Object.fromEntries(
    Object.entries(value).filter(([, one]) => one !== null && one !== undefined && one !== ''),
  );
}

function presentReceiver(receiver: AlertReceiverRecord): AlertReceiver {
  const settings = JSON.parse(receiver.settings) as Record<string, unknown>;
  const { secret, minSeverity, kind: stored, ...rest } = receiver;
  const kind = stored as ReceiverKind;
  return {
    ...rest,
    kind,
    minSeverity: minSeverity as AlertSeverity,
    mail: kind === 'MAIL' ? (settings as unknown as AlertReceiver['mail']) : null,
    channel: typeof settings['channel'] === 'string' ? settings['channel'] : null,
    language: settings['language'] === 'ZH' ? 'ZH' : 'EN',
    hasSecret: secret !== null,
  };
}
