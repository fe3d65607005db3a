import { AppError } from '@skyarc/lib/errors';
import { Block } from './block.ts';

/** A block on its way into a stream. */
export interface StreamBlock {
  readonly stream: string;
  readonly block: Block;
}

/** Collectors send at most this much at once. */
export const maxBatchBytes = 4 << 20;

/** A batch on the wire: big-endian u32 length of the rest, then of each stream a u16 length, its name, its block. */
export function encodeBatch(items: readonly StreamBlock[]): Buffer {
  const parts: Buffer[] = [Buffer.alloc(4)];
  let length = 0;
  for (const { stream, block } of items) {
    const name = Buffer.from(stream);
    const nameLength = Buffer.alloc(2);
    nameLength.writeUInt16BE(name.length);
    parts.push(nameLength, name, block.data);
    length += 2 + name.length + block.size;
  }
  (parts[0] as Buffer).writeUInt32BE(length);
  return Buffer.concat(parts, length + 4);
}

/** A batch without its length. Throws INVALID. */
export function decodeBatch(data: Buffer): StreamBlock[] {
  const items: StreamBlock[] = [];
  for (let at = 0; at < data.length;) {
    const nameLength = at + 2 <= data.length ? data.readUInt16BE(at) : 0;
    const stream = data.toString('utf8', at + 2, at + 2 + nameLength);
    const block = Block.tryParse(data, at + 2 + nameLength);
    if (!block || block.isPacked) throw new AppError('INVALID', 'The batch holds a block that is damaged');
    items.push({ stream, block });
    at += 2 + nameLength + block.size;
  }
  return items;
}
