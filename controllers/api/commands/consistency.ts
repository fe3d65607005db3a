import { appSource, autoscaling, job } from '@skyarc/lib/contracts';
import type { DataCenterTransaction } from '@skyarc/prisma/datacenter';
import { stored } from '../present/run.ts';
import { invalid } from './refusals.ts';

/** Longest sum of an app's config files: a Secret has at most 1 MiB. */
const filesLimit = 700_000;

/** Throws INVALID when parts of an app, each right for itself, do not go together; read after they were written. */
export async function requireConsistent(tx: DataCenterTransaction, what: string, id: string): Promise<void> {
  const app = await tx.app.findUniqueOrThrow({
    where: { id },
    include: { ports: true, routes: true, l4Routes: true, volumes: true },
  });
  const refuse = (field: string, message: string): never => {
    throw invalid(what, field, message);
  };
  const { workload, cpuMillis, memoryMb, ports, volumes } = app;
  const isJob = workload === 'JOB' || workload === 'CRON_JOB';
  if (workload === 'CRON_JOB' && !stored(job, app.job)?.schedule)
    refuse('run.job.schedule', 'A CRON_JOB needs a schedule');
  if (isJob && stored(autoscaling, app.autoscaling)?.enabled)
    refuse('run.autoscaling', `A ${workload} has no autoscaling; its parallelism says how many pods it has`);
  if (appSource.parse(JSON.parse(app.source)).kind === 'EXTERNAL' && workload !== 'STATELESS')
    refuse('run.workload', 'A service outside has no workload of its own');
  if ((app.cpuRequestMillis ?? 0) > cpuMillis)
    refuse('run.cpuRequestMillis', `${app.cpuRequestMillis} is more than the limit of ${cpuMillis}`);
  if ((app.memoryRequestMb ?? 0) > memoryMb)
    refuse('run.memoryRequestMb', `${app.memoryRequestMb} is more than the limit of ${memoryMb}`);
  const local = volumes.findIndex(({ kind }) => kind === 'LOCAL');
  if (local >= 0 && workload !== 'STATEFUL')
    refuse(`volumes.${local}.kind`, 'Only a STATEFUL app has LOCAL volumes; use SHARED');
  const inMemory = volumes.reduce(
    (sum, { kind, sizeMb }) => sum + (kind === 'MEMORY' ? (sizeMb ?? 0) : 0),
    0,
  );
  if (inMemory > memoryMb)
    refuse('volumes', `MEMORY volumes have ${inMemory} MB together; the pod has ${memoryMb} MB`);
  const files = volumes.reduce((sum, { content }) => sum + (content?.length ?? 0), 0);
  if (files > filesLimit * 1.4) refuse('volumes', `config files have at most ${filesLimit} bytes together`);
  for (const { host, path, port } of app.routes) {
    const target = ports.find((one) => one.port === port);
    if (target?.protocol !== 'HTTP' && target?.protocol !== 'GRPC')
      refuse('routes', `route ${host}${path} leads to port ${port}, which is no HTTP port of the app`);
  }
  for (const { protocol, listenPort, port } of app.l4Routes) {
    const target = ports.find((one) => one.port === port);
    if (!target || (target.protocol === 'UDP') !== (protocol === 'UDP'))
      refuse('l4Routes', `port ${listenPort} leads to port ${port}, which is no ${protocol} port of the app`);
  }
}
