import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { l4PortsOf, portsAfter } from '../../scripts/compose/topology.ts';
import { compareInPairs, compareInRounds } from './ab-rounds.ts';
import { SmallDisk } from './disk.ts';
import { Part } from './kill.ts';
import { etcdPlace, foreignPlace, type Place, places, roomPorts } from './places.ts';
import { assertOwnsPort } from './ports.ts';

test('a ratio of two speeds is told from noise', async () => {
  let round = 0;
  const noise = () => 1 + ((round += 1) % 5) / 200;
  const result = await compareInRounds({
    rounds: 5,
    a: () => Promise.resolve(200 * noise()),
    b: () => Promise.resolve(100 * noise()),
  });
  expect(result.isValid).toBe(true);
  expect(result.ratio).toBeCloseTo(2, 1);
  expect(result.interval[0]).toBeGreaterThan(1.9);
});

test('pairs tell a ratio though the machine is another one in each round', async () => {
  let measured = 0;
  // Three measurements a round, of which the machine is up to five times slower than in others.
  const mood = () => 1 + (Math.floor(measured++ / 3) % 5);
  const result = await compareInPairs({
    rounds: 9,
    a: () => Promise.resolve(120 * mood()),
    b: () => Promise.resolve(100 * mood()),
  });
  expect(result.isValid).toBe(true);
  expect(result.ratio).toBeCloseTo(1.2, 6);
  expect(result.interval[1]).toBeCloseTo(1.2, 6);
});

test('a full disk is full, and roomy again', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'skyarc-disk-'));
  const disk = await SmallDisk.mount(join(folder, 'disk'), 1 << 20);
  try {
    await disk.fill();
    const write = () => writeFile(join(disk.folder, 'file'), Buffer.alloc(10_000));
    await expect(write()).rejects.toMatchObject({ code: 'ENOSPC' });
    await disk.free();
    await write();
  } finally {
    await disk.unmount();
    await rm(folder, { recursive: true });
  }
});

test('a part is stopped, killed and begun again, with a clock of its own, and owns its port', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'skyarc-part-'));
  const module = join(folder, 'part.mjs');
  await writeFile(
    module,
    `import { createServer } from 'node:http';
     export async function start() {
       const server = createServer((_, answer) => answer.end(String(Date.now()))).listen(0, '127.0.0.1');
       await new Promise((resolve) => server.once('listening', resolve));
       return { port: server.address().port, stop: async () => server.closeAllConnections() };
     }`,
  );
  let part = await Part.start({ module, config: {} });
  const port = () => (part.running as { port: number }).port;
  const clock = async () => {
    const signal = AbortSignal.timeout(500);
    return Number(await (await fetch(`http://127.0.0.1:${port()}`, { signal })).text()) - Date.now();
  };
  try {
    await assertOwnsPort(part.pid, port());
    await expect(assertOwnsPort(process.pid, port())).rejects.toThrow(`not to process ${process.pid}`);
    part.setClock(300_000);
    await expect.poll(clock).toBeGreaterThan(290_000);
    part.pause();
    await expect(clock()).rejects.toThrow();
    part.resume();
    await expect.poll(clock).toBeGreaterThan(290_000);
    await part.kill();
    expect(part.isAlive).toBe(false);
    part = await part.again();
    expect(await clock()).toBeLessThan(1_000);
  } finally {
    await part.stop();
    await rm(folder, { recursive: true });
  }
});

test("a port of nobody is nobody's", async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await assertOwnsPort(process.pid, port);
  await new Promise((resolve) => server.close(resolve));
  await expect(assertOwnsPort(process.pid, port)).rejects.toThrow('belongs to nobody');
});

test('installations of tests have ports apart from each other, and from those of tests of rooms', () => {
  const owners = new Map<number, string>();
  const clashes: string[] = [];
  const take = (owner: string, taken: Iterable<number>) => {
    for (const port of taken) {
      const other = owners.get(port);
      if (other) clashes.push(`${port}: ${owner} and ${other}`);
      owners.set(port, owner);
    }
  };
  take('rooms', range(roomPorts.first, roomPorts.last));
  take('a cluster of others', range(foreignPlace.port, foreignPlace.port + 2));
  for (const first of [etcdPlace.basePort, etcdPlace.basePort + 10])
    take('members of an etcd', range(first, first + etcdPlace.members - 1));
  const all: Record<string, Pick<Place, 'portOffset' | 'ofAKind'>> = {
    'of the one who runs the tests': { portOffset: 0 },
    ...places,
  };
  for (const [name, { portOffset, ofAKind = 2 }] of Object.entries(all)) {
    // The next of each service has the ports ten further.
    const ports = range(0, ofAKind - 1).flatMap((index) => {
      const l4 = l4PortsOf(portOffset, index);
      return [...Object.values(portsAfter(portOffset + 10 * index)), ...range(l4.first, l4.last)];
    });
    take(name, new Set(ports));
  }
  expect(clashes).toEqual([]);
});

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
