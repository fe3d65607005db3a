/**
 * The session cookies of one client where no browser keeps them. Only names and values are kept: a client
 * speaks to one server, and an ended session is told by the server's UNAUTHENTICATED.
 */
export class CookieJar {
  readonly #values = new Map<string, string>();

  /** Takes over what an answer sets; an emptied or expired cookie is dropped. */
  store(setCookies: readonly string[]): void {
    for (const line of setCookies) {
      const [pair = '', ...attributes] = line.split(';');
      const at = pair.indexOf('=');
      if (at < 1) continue;
      const name = pair.slice(0, at).trim();
      const value = pair.slice(at + 1).trim();
      const ended = attributes.some((attribute) => /^\s*max-age\s*=\s*(0|-\d+)\s*$/i.test(attribute));
      if (value === '' || ended) this.#values.delete(name);
      else this.#values.set(name, value);
    }
  }

  /** Value of the `Cookie` header; empty when nothing is kept. */
  header(): string {
    return [...this.#values].map(([name, value]) => `${name}=${value}`).join('; ');
  }
}
