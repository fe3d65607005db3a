/** What a request without an identity of its own gets: unique, not secret, as a random one costs more than finding its route. */
export function requestIdentity(life: string): string {
  return `${life}-$connection-$connection_requests`;
}
