import { namespaceOf } from '@skyarc/lib/contracts';
import type { DataCenterDatabase } from '@skyarc/prisma/datacenter';
import type { Registry } from 'prom-client';
import { gaugeOf } from './metrics.ts';

const failedRunMs = 600_000;

/** What the records say that alerts are about: certificates, volumes, tasks that wait, runs that failed. */
export function registerRecordMetrics(registry: Registry, db: DataCenterDatabase): void {
  const ofApp = ['namespace', 'app', 'app_name', 'team'];
  gaugeOf(
    registry,
    {
      name: 'skyarc_certificate_expiry_seconds',
      help: 'When a certificate ends, Unix time',
      labelNames: ['namespace', 'team', 'name'],
    },
    async () => {
      const found = await db.certificate.findMany({
        where: { notAfter: { not: null } },
        select: { name: true, teamName: true, notAfter: true },
      });
      return found.map(({ name, teamName: team, notAfter }) => [
        { namespace: namespaceOf(team), team, name },
        (notAfter?.getTime() ?? 0) / 1_000,
      ]);
    },
  );
  for (const [name, help, isUse] of volumeGauges) {
    gaugeOf(registry, { name, help, labelNames: [...ofApp, 'volume'] }, async () => {
      const found = await db.volume.findMany({
        where: { usedBytes: { not: null }, sizeMb: { not: null }, app: { deletedAt: null } },
        select: { name: true, usedBytes: true, sizeMb: true, app: true },
      });
      return found.map(({ name: volume, usedBytes, sizeMb, app }) => [
        { ...labelsOf(app), volume },
        isUse ? Number(usedBytes) : (sizeMb ?? 0) * 2 ** 20,
      ]);
    });
  }
  gaugeOf(
    registry,
    { name: 'skyarc_outbox_tasks', help: 'Tasks that wait to be published', labelNames: [] },
    async () => [[{}, await db.outbox.count()]],
  );
  gaugeOf(
    registry,
    { name: 'skyarc_job_failed_runs', help: 'Runs that failed in the last 10 minutes', labelNames: ofApp },
    async () => {
      const since = new Date(Date.now() - failedRunMs);
      const found = await db.jobRun.findMany({
        where: { status: 'FAILED', finishedAt: { gt: since } },
        select: { app: true },
      });
      const byApp = Map.groupBy(found, ({ app }) => app.id);
      return [...byApp.values()].flatMap((runs) =>
        runs[0] ? [[labelsOf(runs[0].app), runs.length] as const] : [],
      );
    },
  );
}

const volumeGauges = [
  ['skyarc_volume_used_bytes', 'Bytes that a volume has in use', true],
  ['skyarc_volume_capacity_bytes', 'Bytes that a volume may have', false],
] as const;

function labelsOf({ id, name, teamName }: { id: string; name: string; teamName: string }) {
  return { namespace: namespaceOf(teamName), app: id, app_name: name, team: teamName };
}
