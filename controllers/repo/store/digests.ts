import { createHash, type Hash, hash } from 'node:crypto';

export type Algorithm = 'sha512' | 'sha384' | 'sha256' | 'sha1' | 'md5';
/** What a file must be, in lower-case hex; every one given is checked. */
export type Digests = Partial<Readonly<Record<Algorithm, string>>>;

const strongest: readonly Algorithm[] = ['sha512', 'sha384', 'sha256', 'sha1', 'md5'];

/** Counts a file's digests as it passes: its SHA-256, under which it is kept, and those that are expected. */
export class DigestMeter {
  private readonly hashes = new Map<Algorithm, Hash>();
  private readonly expected: Digests;

  constructor(expected: Digests = {}) {
    this.expected = expected;
    for (const name of new Set<Algorithm>(['sha256', ...(Object.keys(expected) as Algorithm[])]))
      this.hashes.set(name, createHash(name));
  }

  update(chunk: Uint8Array): void {
    for (const one of this.hashes.values()) one.update(chunk);
  }

  /** The SHA-256 in hex, and the sentence that says which expected digest it misses, if one. */
  end(): { readonly sha256: string; readonly mismatch: string | undefined } {
    const found = new Map([...this.hashes].map(([name, one]) => [name, one.digest('hex')] as const));
    const wrong = strongest.find((name) => {
      const wanted = this.expected[name];
      return wanted !== undefined && wanted.toLowerCase() !== found.get(name);
    });
    const mismatch = wrong && `its ${wrong} is ${found.get(wrong)}, not ${this.expected[wrong]}`;
    return { sha256: found.get('sha256') as string, mismatch };
  }
}

/** Subresource integrity (W3C SRI) as digests; unknown algorithms are left out. */
export function parseIntegrity(text: string): Digests {
  const found = text.split(/\s+/).flatMap((one) => {
    const [, name, value = ''] = /^(sha512|sha384|sha256|sha1|md5)-([A-Za-z0-9+/=]+)/.exec(one) ?? [];
    return name ? [[name, Buffer.from(value, 'base64').toString('hex')] as const] : [];
  });
  return Object.fromEntries(found);
}

export function sha256Of(data: string | Uint8Array): string {
  return hash('sha256', data, 'hex');
}
