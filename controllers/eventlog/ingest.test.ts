import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Block, BlockBuilder, encodeBatch } from '@skyarc/lib/log-block';
import { expect, test } from 'vitest';
import { everything } from './event-log.ts';
import { Followers } from './followers.ts';
import { startIngest } from './ingest.ts';
import { LocalLog } from './local-log.ts';
import { LogStore } from './store/log-store.ts';

const origin = { producer: '', source: 'pod/app', level: 'info', channel: 'stdout' };
const line = { origin, timeMs: 1, producerSeq: 0 };

function blockOf(text: string, count = 1): Block {
  const builder = new BlockBuilder();
  for (let number = 0; number < count; number += 1) builder.add(line, text);
  return builder.build();
}

/** A block that compression makes no smaller. */
function noisyBlock(): Block {
  const builder = new BlockBuilder();
  for (let number = 0; number < 3; number += 1) builder.addBytes(line, randomBytes(40_000));
  return builder.build();
}

test('what was stored stays as it was while the memory of its batch is used again', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'skyarc-ingest-'));
  const store = await LogStore.open({
    dataDir: folder,
    segmentBytes: 4 << 20,
    journalBytes: 32 << 20,
    maxPendingBytes: 8 << 20,
    compressionLevel: 1,
    onStored: () => undefined,
    onPending: () => undefined,
    makeRoom: async () => false,
  });
  const log = new LocalLog(store, new Followers(1 << 20, () => undefined));
  const door = await startIngest('127.0.0.1', 0, log);
  const socket = net.connect(Number(new URL(door.url).port), '127.0.0.1');
  try {
    const noise = noisyBlock();
    const noisyText = Buffer.from(noise.text);
    for (let round = 0; round < 6; round += 1) {
      const small = Array.from({ length: 20 }, (_, number) => ({
        stream: `app/small-${round}-${number}`,
        block: blockOf(`${round} ${number} `.repeat(20)),
      }));
      const items = [
        ...small,
        { stream: `app/large-${round}`, block: blockOf(`large ${round} `.repeat(50), 300) },
        { stream: `app/noise-${round}`, block: round === 0 ? noise : noisyBlock() },
      ];
      socket.write(encodeBatch(items));
      const [answer] = (await once(socket, 'data')) as [Buffer];
      expect(answer.toString('utf8', 4)).toBe('{"stored":323}');
    }
    const linesOf = async (stream: string): Promise<string[]> => {
      const page = await log.read(stream, { ...everything, cursor: 0, backward: false, limit: 1_000 });
      return page.frames.map((frame) => frame.line);
    };
    for (let round = 0; round < 6; round += 1) {
      for (let number = 0; number < 20; number += 1)
        expect(await linesOf(`app/small-${round}-${number}`)).toEqual([`${round} ${number} `.repeat(20)]);
      expect(new Set(await linesOf(`app/large-${round}`))).toEqual(new Set([`large ${round} `.repeat(50)]));
    }
    expect(`${(await linesOf('app/noise-0')).join('\n')}\n`).toBe(noisyText.toString());
  } finally {
    socket.destroy();
    await door.stop();
    await store.close();
    await rm(folder, { recursive: true, force: true });
  }
});
