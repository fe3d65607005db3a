/** As Kubernetes writes it back, so that nothing seems to differ: whole cores without the `m`. */
export function millicores(value: number): string {
  return value % 1_000 === 0 ? String(value / 1_000) : `${value}m`;
}

/** Mebibytes as a quantity, whole gibibytes in their own unit. */
export function mebibytes(value: number): string {
  return value % 1_024 === 0 ? `${value / 1_024}Gi` : `${value}Mi`;
}

const units: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** Bytes of a storage quantity; 0 for none or one that is not understood. */
export function bytesOf(quantity: string | undefined): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)([kMGT]|[KMGT]i)?$/.exec(quantity ?? '') ?? [];
  return number === undefined ? 0 : Number(number) * (units[unit] as number);
}
