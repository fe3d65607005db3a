export { openDataCenterDatabase, type DataCenterDatabase, type DataCenterTransaction } from './open.ts';
export { requestCancel } from './cancel.ts';
export { addOperation, createOperation, limitMsOf, type NewOperation } from './operations.ts';
export { type EffectiveVariable, type EnvOrigin, portAliasesOf } from './effective-env.ts';
export { connectionOf, environmentOf, toldInclude } from './environment.ts';
export { expandText } from './expand.ts';
export { EventLogSink } from './event-log-sink.ts';
export { OperationJournal, type JournalSink } from './journal.ts';
export { readBaseImage, readSettings, writeBaseImage, writeSettings } from './settings.ts';
export { enqueue, relayOutbox, type OutboxTask, type PublishTask } from './outbox.ts';
export type {
  AlertReceiver as AlertReceiverRecord,
  AlertRule as AlertRuleRecord,
  App as AppRecord,
  Build as BuildRecord,
  Certificate as CertificateRecord,
  JobRun as JobRunRecord,
  Message as MessageRecord,
  L4Route as L4RouteRecord,
  PluginVersion as PluginVersionRecord,
  EnvVar as EnvVarRecord,
  Examination as ExaminationRecord,
  LogOutput as LogOutputRecord,
  Operation as OperationRecord,
  OperationStep as OperationStepRecord,
  Port as PortRecord,
  RegistryCredential as RegistryCredentialRecord,
  Upload as UploadRecord,
  Webhook as WebhookRecord,
  WebhookDelivery as WebhookDeliveryRecord,
  Prisma as DataCenterPrisma,
  Route as RouteRecord,
  Team as TeamRecord,
  TerminalSession as TerminalSessionRecord,
  Version as VersionRecord,
  Volume as VolumeRecord,
} from '../generated/datacenter/client.ts';
