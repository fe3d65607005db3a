/** Largest encoding of one number, bytes. */
export const maxVarintBytes = 8;

/** Writes a whole number of 0 to 2^53 - 1 in groups of seven bits, lowest first; answers the next offset. */
export function writeVarint(target: Buffer, offset: number, value: number): number {
  let rest = value;
  let at = offset;
  while (rest >= 0x80) {
    target[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  target[at++] = rest;
  return at;
}

/** Negative numbers between the others, so that small ones stay short. */
export function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

export function unzigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}
