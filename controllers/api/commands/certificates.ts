import { newId } from '@skyarc/lib/contracts';
import { readServedCertificate } from '@skyarc/lib/certificates';
import { AppError } from '@skyarc/lib/errors';
import { check } from '@skyarc/lib/input';
import { readSettings } from '@skyarc/prisma/datacenter';
import type { Api } from '../api.ts';
import { type CallContext, theTeam } from '../context.ts';
import type { Certificate } from '../generated/resolvers.ts';
import { certificates as inputs } from '../input/team.ts';
import { presentCertificate } from '../present/team.ts';
import { withRoutes } from '../run-repository.ts';
import { ensureTeam } from './teams.ts';

/** Stores a chain with its key; one of the same name is replaced, and its routes go on with the new one. */
export async function uploadCertificate(
  api: Api,
  input: unknown,
  context: CallContext,
): Promise<Certificate> {
  const team = theTeam(context);
  const what = `Cannot store certificate "${nameIn(input)}"`;
  const { name, ...texts } = check(what, inputs.upload, input);
  const { hosts, privateKey, ...read } = readChecked(what, texts);
  await ensureTeam(api, team);
  const key = { teamName_name: { teamName: team, name } };
  const row = await api.repository.db.$transaction(async (tx) => {
    const id =
      (await tx.certificate.findUnique({ where: key }))?.id ?? newId(api.config.dataCenter, 'certificate');
    const data = {
      ...read,
      source: 'UPLOADED',
      hosts: JSON.stringify(hosts),
      privateKey: api.secretBox.seal(privateKey, `certificate:${id}`),
      status: 'VALID',
      message: null,
      retryAt: null,
    };
    return tx.certificate.upsert({
      where: key,
      create: { id, teamName: team, name, ...data },
      update: data,
      include: withRoutes,
    });
  });
  return presentCertificate(row);
}

/** Has one ordered by ACME; the worker does it, and keeps it renewed. */
export async function orderCertificate(api: Api, input: unknown, context: CallContext): Promise<Certificate> {
  const team = theTeam(context);
  const what = `Cannot order certificate "${nameIn(input)}"`;
  const { name, hosts } = check(what, inputs.order, input);
  const { db } = api.repository;
  await requireAcme(api, what);
  await ensureTeam(api, team);
  await requireOwnHosts(api, what, team, hosts);
  const data = {
    source: 'ACME',
    hosts: JSON.stringify(hosts),
    status: 'PENDING',
    message: null,
    retryAt: new Date(),
  };
  const row = await db.certificate.upsert({
    where: { teamName_name: { teamName: team, name } },
    create: { id: newId(api.config.dataCenter, 'certificate'), teamName: team, name, ...data },
    update: data,
    include: withRoutes,
  });
  return presentCertificate(row);
}

/** Lets a failed or due order be tried now. */
export async function renewCertificate(api: Api, id: string, context: CallContext): Promise<Certificate> {
  const found = await getCertificate(api, id, context);
  const what = `Cannot renew certificate "${found.name}"`;
  if (found.source !== 'ACME')
    throw new AppError('CONFLICT', `${what}: it was uploaded; upload its successor`);
  await requireAcme(api, what);
  const isServed = found.chain !== null && found.notAfter !== null && found.notAfter > new Date();
  const row = await api.repository.db.certificate.update({
    where: { id },
    data: { status: isServed ? found.status : 'PENDING', message: null, retryAt: new Date() },
    include: withRoutes,
  });
  return presentCertificate(row);
}

/** Throws CONFLICT while a route was given it by hand. */
export async function deleteCertificate(api: Api, id: string, context: CallContext): Promise<true> {
  const { name } = await getCertificate(api, id, context);
  const { db } = api.repository;
  await db.$transaction(async (tx) => {
    const route = await tx.route.findFirst({ where: { certificateId: id }, include: { app: true } });
    if (route) {
      const message = `route ${route.host}${route.path} of app "${route.app.name}" was given it; take it from there first`;
      throw new AppError('CONFLICT', `Cannot remove certificate "${name}": ${message}`);
    }
    await tx.certificate.deleteMany({ where: { id } });
  });
  return true;
}

async function getCertificate({ repository }: Api, id: string, context: CallContext) {
  const teamName = theTeam(context);
  const found = await repository.db.certificate.findFirst({ where: { id, teamName } });
  if (!found) throw new AppError('NOT_FOUND', 'There is no such certificate');
  return found;
}

async function requireAcme({ repository }: Api, what: string): Promise<void> {
  if ((await readSettings(repository.db)).acmeDirectoryUrl) return;
  throw new AppError(
    'CONFLICT',
    `${what}: automatic certificates are off; an administrator sets the ACME directory`,
  );
}

/** The proof is by http-01, so the hosts must be routed here, and by this team. */
async function requireOwnHosts(
  { repository, config }: Api,
  what: string,
  teamName: string,
  hosts: readonly string[],
): Promise<void> {
  const routes = await repository.db.route.findMany({
    where: { host: { in: [...hosts] } },
    include: { app: true },
  });
  for (const [index, host] of hosts.entries()) {
    const ends = host === config.domain || host.endsWith(`.${config.domain}`);
    const isForeign = routes.some((route) => route.host === host && route.app.teamName !== teamName);
    const why = ends
      ? `hosts below ${config.domain} are given by Skyarc`
      : isForeign && `${host} belongs to another team`;
    if (why)
      throw new AppError(ends ? 'INVALID' : 'CONFLICT', `${what}: hosts.${index}: ${why}`, {
        details: { field: `hosts.${index}` },
      });
  }
}

function readChecked(what: string, texts: { readonly chain: string; readonly privateKey: string }) {
  try {
    return readServedCertificate(texts);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    throw new AppError(error.code, `${what}: ${error.message}`, { details: error.details, cause: error });
  }
}

const nameIn = (input: unknown): string => String((input as { name?: unknown }).name).slice(0, 60);
