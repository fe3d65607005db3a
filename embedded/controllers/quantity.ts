const factors: Record<string, number> = {
  n: 1e-9, u: 1e-6, m: 1e-3, '': 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18,
  Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60,
}; // prettier-ignore

/** Value of a Kubernetes quantity ("250m", "64Mi", "1e3") in its base unit; 0 for anything else. */
export function parseQuantity(text: string | number | undefined): number {
  const match = /^([+-]?[\d.]+(?:[eE][+-]?\d+)?)([a-zA-Z]*)$/.exec(String(text ?? '0'));
  const factor = factors[match?.[2] ?? ''];
  return match && factor !== undefined ? Number(match[1]) * factor : 0;
}
