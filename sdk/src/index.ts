import { GraphQLClient } from './client.ts';
import type { ClientOptions } from './client.ts';
import { AccountMethods } from './methods/account.ts';
import { AppMethods } from './methods/apps.ts';
import { CertificateMethods } from './methods/certificates.ts';
import { ConfigSetMethods } from './methods/config-sets.ts';
import { GroupMethods } from './methods/groups.ts';
import { ImportMethods } from './methods/imports.ts';
import { LogMethods } from './methods/logs.ts';
import { OperationMethods } from './methods/operations.ts';
import { MonitorMethods } from './methods/monitor.ts';
import { PlatformMethods } from './methods/platform.ts';
import { PluginMethods } from './methods/plugins.ts';
import { QuotaMethods } from './methods/quotas.ts';
import { RouteMethods } from './methods/routes.ts';
import { SourceMethods } from './methods/sources.ts';
import { TeamMethods } from './methods/teams.ts';
import { TerminalMethods } from './methods/terminals.ts';
import { WebhookMethods } from './methods/webhooks.ts';

/** A client of one Skyarc installation: GraphQL verbs for any document, and ready-made operations by domain. */
export class SkyarcClient extends GraphQLClient {
  readonly account = new AccountMethods(this);
  readonly apps = new AppMethods(this);
  readonly certificates = new CertificateMethods(this);
  readonly configSets = new ConfigSetMethods(this);
  readonly groups = new GroupMethods(this);
  readonly imports = new ImportMethods(this);
  readonly logs = new LogMethods(this);
  readonly operations = new OperationMethods(this);
  readonly monitor = new MonitorMethods(this);
  readonly platform = new PlatformMethods(this);
  readonly plugins = new PluginMethods(this);
  readonly quotas = new QuotaMethods(this);
  readonly routes = new RouteMethods(this);
  readonly sources = new SourceMethods(this);
  readonly teams = new TeamMethods(this);
  readonly terminals = new TerminalMethods(this);
  readonly webhooks = new WebhookMethods(this);
}

/** Makes a client; nothing is sent before the first call. */
export function createClient(options: ClientOptions): SkyarcClient {
  return new SkyarcClient(options);
}

export { GraphQLClient } from './client.ts';
export type { ClientOptions } from './client.ts';
export type { TypedDocument } from './document.ts';
export { SkyarcError } from './error.ts';
export type { SkyarcErrorCode } from './error.ts';
export type { ConnectionState, SubscribeOptions } from './live.ts';
export type { FollowOptions, LogEvent, LogLine, LogPage } from './methods/logs.ts';
export { isFinal } from './methods/operations.ts';
export type { WaitOptions } from './methods/operations.ts';
export type { ImportedApps, ImportPreview } from './methods/imports.ts';
export type { Examination, ExamineOptions } from './methods/sources.ts';
export type { UploadOptions } from './upload.ts';
export type { Answer, RequestOptions } from './transport.ts';
export type { TerminalSession, TerminalStart, TerminalTarget } from './methods/terminals.ts';
export { Terminal } from './terminal.ts';
export type { TerminalEnding, TerminalEvent, TerminalHandlers, TerminalState } from './terminal.ts';
export * from './generated/operations.ts';
