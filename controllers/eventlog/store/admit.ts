import { AppError } from '@skyarc/lib/errors';
import { type Block, BlockBuilder, maxLineBytes, Records } from '@skyarc/lib/log-block';

export interface Admitted {
  /** Without the lines that were stored before; null when none is new. */
  readonly block: Block | null;
  /** Last position of each producer in it. */
  readonly positions: ReadonlyMap<string, number>;
}

/**
 * Checks a block that came from outside and leaves out what its producers sent before. What it answers is in
 * memory of its own. Throws INVALID for a block that contradicts itself.
 */
export function admit(block: Block, positionOf: (producer: string) => number): Admitted {
  const { origins } = block;
  const producers = [...new Set(origins.map(({ producer }) => producer))];
  const producerOf = origins.map(({ producer }) => producers.indexOf(producer));
  const last = producers.map((producer) => (producer ? positionOf(producer) : Number.NEGATIVE_INFINITY));
  const records = new Records(block);
  const repeats: number[] = [];
  while (records.next()) {
    const producer = producerOf[records.origin];
    if (producer === undefined || records.end - records.start > maxLineBytes) throw contradiction();
    if (producers[producer] === '') continue;
    if (records.producerSeq <= (last[producer] as number)) repeats.push(records.ordinal);
    else last[producer] = records.producerSeq;
  }
  if (!records.isComplete) throw contradiction();
  const positions = new Map(
    producers.flatMap((producer, index) => (producer ? [[producer, last[index] as number] as const] : [])),
  );
  if (repeats.length === block.count) return { block: null, positions };
  if (repeats.length > 0) return { block: without(block, repeats), positions };
  // What was packed here has its own already.
  return { block: block.isPacked ? block : block.copied(), positions };
}

function without(block: Block, repeats: readonly number[]): Block {
  const left = new Set(repeats);
  const { origins, text } = block;
  const builder = new BlockBuilder(text.length);
  for (const records = new Records(block); records.next();) {
    if (left.has(records.ordinal)) continue;
    const origin = origins[records.origin] as (typeof origins)[number];
    const { timeMs, producerSeq } = records;
    builder.addBytes({ origin, timeMs, producerSeq }, text.subarray(records.start, records.end));
  }
  return builder.build();
}

function contradiction(): AppError {
  return new AppError('INVALID', 'A block of lines contradicts itself');
}
