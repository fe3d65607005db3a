export { openDataCenterDatabase, type DataCenterDatabase, type DataCenterTransaction } from './open.ts';
export { createOperation, type NewOperation } from './operations.ts';
export { EventLogSink } from './event-log-sink.ts';
export { OperationJournal, type JournalSink } from './journal.ts';
export { enqueue, relayOutbox, type OutboxTask, type PublishTask } from './outbox.ts';
export type {
  App as AppRecord,
  Build as BuildRecord,
  EnvVar as EnvVarRecord,
  Operation as OperationRecord,
  OperationStep as OperationStepRecord,
  Port as PortRecord,
  Prisma as DataCenterPrisma,
  Route as RouteRecord,
  Team as TeamRecord,
  Version as VersionRecord,
} from '../generated/datacenter/client.ts';
