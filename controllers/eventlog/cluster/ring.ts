import { createHash } from 'node:crypto';

/**
 * The node that owns a stream, by rendezvous hashing (Thaler and Ravishankar, 1998): each node's share is
 * equal, and a join or leave moves only what the joining node gets or the leaving one had.
 */
export function ownerOf(stream: string, nodes: readonly string[]): string | undefined {
  let owner: string | undefined;
  let highest = -1;
  for (const node of nodes) {
    const digest = createHash('sha1').update(`${node}\n${stream}`).digest();
    const score = digest.readUIntBE(0, 6);
    if (score > highest) {
      highest = score;
      owner = node;
    }
  }
  return owner;
}
