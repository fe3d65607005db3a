import type { BenchApp } from './builds-apps.ts';
import { Rival } from './builds-rival.ts';
import type { BuildWorld, Manifest } from './builds-world.ts';
import { median } from './rounds.ts';
import { atMost, type Row } from './row.ts';

export interface CaseOptions {
  readonly cases: ReadonlySet<string>;
  readonly rounds: number;
}

/** All cases of one app; the first build of each side is a warm-up and not counted. */
export async function measureApp(
  world: BuildWorld,
  app: BenchApp,
  { cases, rounds }: CaseOptions,
): Promise<Row[]> {
  const files = { ...(await app.files(world.packages.url)), ...app.change(0) };
  const ours = await world.newApp(app.name, files, app.memoryMb);
  const first = await world.manifestOf((await world.build(ours.id)).image);
  const rival = await Rival.open(world, app, { url: ours.repository.url, image: first });
  const rows: Row[] = [];
  const add = (...more: readonly Row[]): void => {
    for (const { measure, seen } of more) console.error(`${measure}: ${seen}`);
    rows.push(...more);
  };
  try {
    await rival.build();
    add(sizeRow(app, first, await rival.manifest()));
    if (cases.has('unchanged')) {
      const seen = await compare(world, rounds, {
        ours: async () => (await world.build(ours.id)).seconds,
        rival: () => rival.build(),
      });
      add(
        atMost(`${app.name}: no change`, median(seen.ours), 1, 's'),
        ratioRow(`${app.name}: no change`, seen, 0.3),
      );
    }
    if (cases.has('source')) {
      const sent: number[] = [];
      let round = 0;
      let newest = first;
      const seen = await compare(world, rounds, {
        before: () => ours.repository.push('Change', app.change((round += 1))),
        ours: async () => {
          const before = await world.storedBytes();
          const built = await world.build(ours.id);
          const made = await world.manifestOf(built.image);
          sent.push(((await world.storedBytes()) - before) / changedBytes(newest, made));
          newest = made;
          return built.seconds;
        },
        rival: () => rival.build(),
        // The same change once more, for an app whose caches are as warm.
        control: async () => {
          await ours.repository.push('Control', app.change(1_000 + round));
          const built = await world.build(ours.id);
          newest = await world.manifestOf(built.image);
          return built.seconds;
        },
      });
      add(
        ratioRow(`${app.name}: source changed`, seen, 0.5),
        atMost(
          `${app.name}: bytes pushed then, all that is said of the image too, to the changed layers`,
          median(sent),
          1.05,
          'x',
        ),
      );
    }
    if (cases.has('cold')) {
      const seen = await compare(world, Math.min(rounds, 3), {
        ours: async () => {
          const id = await world.newAppOf(app.name, ours.repository, app);
          return (await world.build(id)).seconds;
        },
        rival: async () => {
          await rival.forget();
          return rival.build();
        },
      });
      add(ratioRow(`${app.name}: cold`, seen, 1.1));
    }
    return rows;
  } finally {
    await rival.close();
  }
}

/** Of the layers that the earlier image has not. */
function changedBytes(earlier: Manifest, { layers }: Manifest): number {
  const known = new Set(earlier.layers.map(({ digest }) => digest));
  return layers.reduce((sum, { digest, size }) => sum + (known.has(digest) ? 0 : size), 0);
}

interface Seen {
  readonly ours: number[];
  readonly rival: number[];
  readonly control: number[];
}

/** A, B, A, B; with a control, A against A too. */
async function compare(
  world: BuildWorld,
  rounds: number,
  sides: {
    before?: () => Promise<unknown>;
    ours: () => Promise<number>;
    rival: () => Promise<number>;
    control?: () => Promise<number>;
  },
): Promise<Seen> {
  const settled = async (side: () => Promise<number>): Promise<number> => {
    await world.settled();
    return side();
  };
  const seen: Seen = { ours: [], rival: [], control: [] };
  for (let round = 1; round <= rounds; round += 1) {
    await sides.before?.();
    seen.ours.push(await settled(sides.ours));
    seen.rival.push(await settled(sides.rival));
    if (sides.control) seen.control.push(await settled(sides.control));
  }
  return seen;
}

function ratioRow(measure: string, { ours, rival, control }: Seen, limit: number): Row {
  const [mine, other] = [median(ours), median(rival)];
  const repeated = control.length > 0 ? `, control ${(median(control) / mine).toFixed(2)}` : '';
  const times = `${mine.toFixed(2)} s to ${other.toFixed(2)} s${repeated}`;
  return atMost(`${measure} (${times})`, mine / other, limit, 'x');
}

function sizeRow(app: BenchApp, ours: Manifest, rival: Manifest): Row {
  const [mine, other] = [ours, rival].map(
    ({ layers }) => layers.reduce((sum, { size }) => sum + size, 0) / 1e6,
  );
  const text = `${app.name}: size of the image (${mine?.toFixed(1)} MB to ${other?.toFixed(1)} MB)`;
  return atMost(text, (mine as number) / (other as number), 1, 'x');
}
