/** IPv4 addresses of the service range, as numbers. */
interface Range {
  readonly first: number;
  readonly size: number;
}

function rangeOf(cidr: string): Range {
  const [address = '', bits = '32'] = cidr.split('/');
  const size = 2 ** (32 - Number(bits));
  const number = numberOf(address);
  return { first: number - (number % size), size };
}

/** First usable address of a range: the one of the `kubernetes` service. */
export function firstAddress(cidr: string): string {
  return textOf(rangeOf(cidr).first + 1);
}

/** True for an address that a service may have: neither the network's own nor broadcast. */
export function isInside(cidr: string, address: string): boolean {
  const { first, size } = rangeOf(cidr);
  const offset = numberOf(address) - first;
  return offset > 0 && offset < size - 1;
}

/**
 * A random address that is not taken, or undefined when the range is full. The first sixteenth (at most 256
 * addresses) is left for people who choose, as Kubernetes does: it holds the DNS address.
 */
export function freeAddress(cidr: string, isTaken: (address: string) => boolean): string | undefined {
  const { first, size } = rangeOf(cidr);
  const reserved = Math.min(Math.max(Math.floor(size / 16), 16), 256);
  return probe(first + reserved, size - reserved - 1, isTaken) ?? probe(first + 2, reserved - 2, isTaken);
}

function probe(first: number, count: number, isTaken: (address: string) => boolean): string | undefined {
  const start = Math.floor(Math.random() * count);
  for (let i = 0; i < count; i += 1) {
    const address = textOf(first + ((start + i) % count));
    if (!isTaken(address)) return address;
  }
  return undefined;
}

/** NaN for what is not an IPv4 address. */
function numberOf(address: string): number {
  const parts = address.split('.');
  if (parts.length !== 4 || parts.some((part) => !/^\d{1,3}$/.test(part) || Number(part) > 255))
    return Number.NaN;
  return parts.reduce((sum, part) => sum * 256 + Number(part), 0);
}

function textOf(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
}
