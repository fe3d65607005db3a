import { randomBytes } from 'node:crypto';
import {
  namespaceOf,
  newId,
  terminalGrant,
  type TerminalGrantClaims,
  terminalGrantPrefix,
} from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { check } from '@skyarc/lib/input';
import { GrantSigner, GrantVerifier, makeGrantKeys } from '@skyarc/lib/signed-grant';
import { tunnel, type Upgrade } from '@skyarc/lib/tunnel';
import type { DataCenterDatabase, TerminalSessionRecord } from '@skyarc/prisma/datacenter';
import { z } from 'zod';
import type { Cluster } from '../cluster.ts';
import type { ResolvedApiConfig } from '../config.ts';
import { type CallContext, theTeam } from '../context.ts';
import type { OpenTerminalInput, TerminalEnd, TerminalGrant } from '../generated/resolvers.ts';
import { type WebcliInstance, WebcliInstances } from './instances.ts';
import { TerminalRepository } from './repository.ts';
import { presentTargets } from './targets.ts';

const grantLifeMs = 30_000;

const input = z.object({
  appId: z.string(),
  pod: z.string().max(253).nullish(),
  container: z.string().max(63).nullish(),
  command: z
    .array(z.string().max(4_096, 'An argument has at most 4096 characters'))
    .max(50, 'A command has at most 50 arguments')
    .refine((parts) => parts.every((part) => !part.includes('\0')), 'An argument has no NUL character')
    .refine((parts) => parts.length === 0 || parts[0] !== '', 'A command begins with a program')
    .nullish(),
  debug: z.boolean().nullish(),
  record: z.boolean().nullish(),
  binding: z.string().min(1).max(200),
  remoteAddress: z.string().max(100).nullish(),
});

/** Grants for terminals, and the way of their bytes to webcli. */
export class Terminals {
  readonly repository: TerminalRepository;
  private readonly dataCenter: string;
  private readonly cluster: Cluster;
  private readonly signer: GrantSigner;
  private readonly verifier: GrantVerifier;
  private readonly instances: WebcliInstances;

  constructor(config: ResolvedApiConfig, deps: { db: DataCenterDatabase; cluster: Cluster }) {
    // Without any webcli no grant can be used; the key does not matter then.
    const { grantKey, urls } = config.terminals ?? { grantKey: makeGrantKeys().privateKey, urls: [] };
    this.dataCenter = config.dataCenter;
    this.cluster = deps.cluster;
    this.repository = new TerminalRepository(deps.db);
    this.signer = new GrantSigner(grantKey);
    this.verifier = new GrantVerifier(grantKey);
    this.instances = new WebcliInstances(urls, this.signer);
  }

  /** A grant for a new session. Throws INVALID, NOT_FOUND for a pod or container that the app has not, UNAVAILABLE. */
  async open(raw: OpenTerminalInput, appId: string, context: CallContext): Promise<TerminalGrant> {
    const what = 'Cannot open a terminal';
    const { command, binding, ...wanted } = check(what, input, raw);
    const team = theTeam(context);
    const targets = presentTargets(this.cluster.objectsOf(appId));
    const target = wanted.pod ? targets.find((one) => one.pod === wanted.pod) : targets[0];
    if (!target) {
      throw new AppError(
        'NOT_FOUND',
        wanted.pod ? `${what}: the app has no pod "${wanted.pod}"` : `${what}: the app has no pods; start it`,
      );
    }
    const container = wanted.container
      ? target.containers.find((one) => one.name === wanted.container)
      : target.containers[0];
    if (!container) {
      throw new AppError('NOT_FOUND', `${what}: pod "${target.pod}" has no container "${wanted.container}"`);
    }
    if (!container.running) {
      throw new AppError(
        'CONFLICT',
        `${what}: container "${container.name}" of "${target.pod}" does not run`,
      );
    }
    return this.sign(await this.instances.pick(), {
      session: newId(this.dataCenter, 'terminal'),
      isNew: true,
      team,
      appId,
      namespace: namespaceOf(team),
      pod: target.pod,
      container: container.name,
      command: command?.length ? command : null,
      debug: wanted.debug ?? false,
      record: wanted.record ?? false,
      actor: context.actor,
      remoteAddress: wanted.remoteAddress ?? null,
      binding,
    });
  }

  /** A grant to come back. Throws NOT_FOUND when the session is over or another person's. */
  async resume(
    { id, binding, remoteAddress }: { id: string; binding: string; remoteAddress?: string | null },
    context: CallContext,
  ): Promise<TerminalGrant> {
    const session = await this.repository.find(context, id);
    const ended = new AppError('NOT_FOUND', 'Cannot come back: this session has ended');
    if (!session || session.actor !== context.actor || session.endedAt) throw ended;
    const instance = await this.instances.find(session.instance);
    const isThere =
      instance && (await this.instances.ask(instance, { method: 'GET', path: pathOf(id) }, presence)).isThere;
    if (!instance || !isThere) throw ended;
    if (instance.isDraining) throw new AppError('UNAVAILABLE', 'The terminal service is stopping');
    const { appId, pod, container, debug, teamName: team, actor } = session;
    const place = { appId, namespace: namespaceOf(team), pod, container, debug };
    return this.sign(instance, {
      ...place,
      session: id,
      isNew: false,
      team,
      command: null,
      record: session.recordingBytes !== null,
      actor,
      remoteAddress: remoteAddress ?? null,
      binding,
    });
  }

  /** False when it had ended before. Throws NOT_FOUND. */
  async close(id: string, end: TerminalEnd, context: CallContext): Promise<boolean> {
    const session = await this.get(id, context);
    const instance = await this.instances.find(session.instance);
    if (!instance) {
      await this.repository.close(id);
      return false;
    }
    const path = `${pathOf(id)}?end=${end}`;
    return (await this.instances.ask(instance, { method: 'DELETE', path }, earlier)).wasThere;
  }

  /** A part of a recording. Throws NOT_FOUND, UNAVAILABLE when the instance that has it is away. */
  async readRecording(id: string, from: number, context: CallContext) {
    const session = await this.get(id, context);
    const path = `/recordings/${id}?from=${from}`;
    return this.instances.ask(await this.keeperOf(session), { method: 'GET', path }, part);
  }

  async deleteRecording(id: string, context: CallContext): Promise<TerminalSessionRecord> {
    const session = await this.get(id, context);
    const path = `/recordings/${id}`;
    await this.instances.ask(await this.keeperOf(session), { method: 'DELETE', path }, z.object({}));
    return this.get(id, context);
  }

  /** Passes a WebSocket with a grant of ours on to the instance that it names. Throws before anything is sent. */
  async pass(upgrade: Upgrade): Promise<void> {
    const offered = (upgrade.request.headers['sec-websocket-protocol'] ?? '').split(',');
    const token = offered.map((one) => one.trim()).find((one) => one.startsWith(terminalGrantPrefix));
    const claims = this.verifier.open(terminalGrant, token?.slice(terminalGrantPrefix.length) ?? '');
    const instance = await this.instances.find(claims.instance);
    if (!instance) throw new AppError('UNAVAILABLE', 'The terminal service of this session is away');
    await tunnel(upgrade, { url: new URL(`${instance.url}/terminal`) });
  }

  private sign(
    { instance }: WebcliInstance,
    claims: Omit<TerminalGrantClaims, 'use' | 'nonce' | 'expiresAt' | 'instance'>,
  ): TerminalGrant {
    const expiresAt = Date.now() + grantLifeMs;
    const nonce = randomBytes(16).toString('base64url');
    const whole: TerminalGrantClaims = { use: 'terminal', nonce, expiresAt, instance, ...claims };
    return { id: claims.session, token: this.signer.sign(whole), expiresAt: new Date(expiresAt) };
  }

  private async get(id: string, context: CallContext): Promise<TerminalSessionRecord> {
    const session = await this.repository.find(context, id);
    if (!session) throw new AppError('NOT_FOUND', 'There is no such session');
    return session;
  }

  private async keeperOf({ instance: name }: TerminalSessionRecord): Promise<WebcliInstance> {
    const instance = await this.instances.find(name);
    if (!instance) throw new AppError('UNAVAILABLE', `Terminal service "${name}", which has it, is away`);
    return instance;
  }
}

const presence = z.object({ isThere: z.boolean() });
const earlier = z.object({ wasThere: z.boolean() });
const part = z.object({ text: z.string(), next: z.number().nullable() });
const pathOf = (id: string): string => `/sessions/${encodeURIComponent(id)}`;
