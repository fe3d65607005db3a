/** As Kubernetes writes it back, so that nothing seems to differ: whole cores without the `m`. */
export function millicores(value: number): string {
  return value % 1_000 === 0 ? String(value / 1_000) : `${value}m`;
}

/** Mebibytes as a quantity, whole gibibytes in their own unit. */
export function mebibytes(value: number): string {
  return value % 1_024 === 0 ? `${value / 1_024}Gi` : `${value}Mi`;
}
