import { randomBytes } from 'node:crypto';

const tokenBytes = 9;

/** Random texts of 12 characters of base64url; asked for in bulk, since each call of the system's source is dear. */
export class Tokens {
  private pool = Buffer.alloc(0);

  next(): string {
    if (this.pool.length === 0) this.pool = randomBytes(tokenBytes * 128);
    const token = this.pool.toString('base64url', 0, tokenBytes);
    this.pool = this.pool.subarray(tokenBytes);
    return token;
  }
}
