const bytesOf: Readonly<Record<string, number>> = {
  '': 1,
  m: 1e-3,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
};

/** A quantity of Kubernetes (`2`, `500m`) as thousandths of a CPU; 0 when absent. */
export function cpuMillisOf(quantity = '0'): number {
  return quantity.endsWith('m') ? Number(quantity.slice(0, -1)) : Math.round(Number(quantity) * 1_000);
}

/** A quantity of Kubernetes (`512Mi`, `1G`) as MiB; 0 when absent. */
export function memoryMbOf(quantity = '0'): number {
  const [, number = '0', unit = ''] = /^([\d.]+)([A-Za-z]*)$/.exec(quantity) ?? [];
  return Math.round((Number(number) * (bytesOf[unit] ?? 1)) / 2 ** 20);
}
