import type { CreateAppInput, Workload } from '@skyarc/sdk';
import { parseEnvFile } from '../env-file.ts';
import { type SourceChoice, type SourceFields, sourceInputOf } from '../source-input.ts';

/** What the form holds. */
export interface NewAppFields extends SourceFields {
  readonly workload?: Workload;
  readonly schedule?: string;
  readonly name: string;
  readonly groupId: string;
  readonly dataCenter?: string;
  readonly replicas: number;
  readonly memoryMb: number;
  readonly cpuMillis: number;
  readonly environment?: string;
  readonly secretEnvironment?: boolean;
  readonly module?: string;
}

/** What the API is asked for. */
export function newAppInputOf(kind: SourceChoice, fields: NewAppFields, deploy: boolean): CreateAppInput {
  const secret = fields.secretEnvironment ?? false;
  const workload = fields.workload ?? 'STATELESS';
  return {
    groupId: fields.groupId,
    ...(fields.dataCenter && { dataCenter: fields.dataCenter }),
    name: fields.name,
    source: sourceInputOf(kind, fields),
    ...(fields.module && { build: { module: fields.module } }),
    run: {
      workload,
      replicas: fields.replicas,
      memoryMb: fields.memoryMb,
      cpuMillis: fields.cpuMillis,
      ...(workload === 'CRON_JOB' && { job: { schedule: fields.schedule } }),
    },
    env: parseEnvFile(fields.environment ?? '').entries.map((entry) => ({ ...entry, secret })),
    deploy,
  };
}
