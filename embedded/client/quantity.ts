import { AppError } from '@skyarc/lib/errors';

const factors: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** A Kubernetes quantity ("250m", "64Mi", "1e3") as a plain number: cores, bytes. Throws INVALID. */
export function parseQuantity(text: string): number {
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)([a-zA-Z]*)$/.exec(text);
  const factor = factors[match?.[2] ?? '-'];
  if (!match || factor === undefined) throw new AppError('INVALID', `"${text}" is not a quantity`);
  return Number(match[1]) * factor;
}

/** The same, with 0 for what is absent or no quantity. */
export function quantityOrZero(text: string | number | undefined): number {
  try {
    return parseQuantity(String(text ?? '0'));
  } catch {
    return 0;
  }
}

/** A number as a quantity of whole units, or of thousandths where it has a fraction: "3", "2500m". */
export function formatQuantity(value: number): string {
  return Number.isInteger(value) ? String(value) : `${Math.ceil(value * 1_000 - 1e-6)}m`;
}

/** Bytes with the largest binary unit that divides them: "1536Mi". */
export function formatBytes(bytes: number): string {
  const units = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi'];
  let [amount, unit] = [Math.ceil(bytes), 0];
  while (amount > 0 && amount % 1_024 === 0 && unit < units.length - 1) {
    amount /= 1_024;
    unit += 1;
  }
  return `${amount}${units[unit] ?? ''}`;
}
