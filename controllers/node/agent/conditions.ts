import type { NodeCondition, NodeReport, NodeServiceState } from '@skyarc/lib/contracts';

export interface Thresholds {
  readonly diskPercent: number;
  readonly memoryPercent: number;
  /** Load of one minute for each CPU. */
  readonly loadPerCpu: number;
}

/** What there is to do about the machine; `since` is kept from the last time where nothing changed. */
export function renderConditions(
  machine: NodeReport['machine'],
  services: readonly NodeServiceState[],
  thresholds: Thresholds,
  before: readonly NodeCondition[],
): NodeCondition[] {
  const disk = percent(machine.diskUsedBytes, machine.diskBytes);
  const memory = percent(machine.memoryUsedBytes, machine.memoryBytes);
  const sick = services.filter(({ healthy }) => !healthy).map(({ name }) => name);
  const found: Omit<NodeCondition, 'since'>[] = [
    {
      type: 'DISK_PRESSURE',
      active: disk >= thresholds.diskPercent,
      message: `${disk} % of the disk is used`,
    },
    {
      type: 'MEMORY_PRESSURE',
      active: memory >= thresholds.memoryPercent,
      message: `${memory} % of the memory is used`,
    },
    {
      type: 'LOAD_PRESSURE',
      active: machine.load1 > thresholds.loadPerCpu * machine.cpus,
      message: `Load ${machine.load1.toFixed(2)} on ${machine.cpus} CPUs`,
    },
    {
      type: 'SERVICES_UNHEALTHY',
      active: sick.length > 0,
      message:
        sick.length > 0 ? `Not healthy: ${sick.join(', ')}` : `${services.length} services are healthy`,
    },
  ];
  return found.map((one) => {
    const old = before.find(({ type }) => type === one.type);
    return { ...one, since: old?.active === one.active ? old.since : new Date().toISOString() };
  });
}

function percent(part: number, whole: number): number {
  return whole > 0 ? Math.round((part / whole) * 100) : 0;
}
