import { labels } from '@skyarc/lib/contracts';
import { AppError, isNotFound, messageOf } from '@skyarc/lib/errors';
import { Informer, isAlreadyExists, type KindTable, type Term } from '@skyarc/lib/kube';
import { sleep } from '@skyarc/lib/retry';
import type { WorkerContext } from '../context.ts';
import { bytesOf } from '../render/quantities.ts';
import { classesOf, folderOf, isOurs, renderVolume, termAnnotation, volumeNameOf } from './classes.ts';
import type { VolumeFolders } from './folders.ts';

type Claim = KindTable['persistentvolumeclaims'];
type Volume = KindTable['persistentvolumes'];

/** The cluster tells of changes; this is for what it does not tell. */
const lookEveryMs = 15_000;
/** A folder without a volume may be one that is being made. */
const orphanAfterMs = 600_000;

/** Makes volumes for claims of our classes, lets them grow, and takes away those whose claim is gone. */
export class Provisioner {
  readonly claims: Informer<'persistentvolumeclaims'>;
  readonly volumes: Informer<'persistentvolumes'>;
  private readonly context: WorkerContext;
  private readonly folders: VolumeFolders;
  private readonly term: Term;
  private readonly classes: ReadonlySet<string>;
  private wake = Promise.withResolvers<void>();

  constructor(context: WorkerContext, folders: VolumeFolders, term: Term) {
    const { kube, log, config } = context;
    this.context = context;
    this.folders = folders;
    this.term = term;
    this.classes = new Set(classesOf(config.storage));
    this.claims = new Informer(kube, 'persistentvolumeclaims', { log });
    this.volumes = new Informer(kube, 'persistentvolumes', { log });
    for (const informer of [this.claims, this.volumes]) informer.onChange(() => this.wake.resolve());
  }

  /** Until the term is over. */
  async run(): Promise<void> {
    const { signal } = this.term;
    const stop = () => void Promise.all([this.claims.stop(), this.volumes.stop()]);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    await Promise.all([this.claims.start(), this.volumes.start()]);
    while (!signal.aborted) {
      this.wake = Promise.withResolvers();
      await this.look();
      const woken = new AbortController();
      await Promise.race([
        this.wake.promise,
        sleep(lookEveryMs, AbortSignal.any([signal, woken.signal])),
      ]).catch(() => undefined);
      woken.abort();
    }
  }

  /** Takes away folders that belong to no volume; answers how many. */
  async sweepOrphans(): Promise<number> {
    const [{ items: volumes }, { items: claims }] = await Promise.all([
      this.context.kube.list('persistentvolumes'),
      this.context.kube.list('persistentvolumeclaims'),
    ]);
    const known = new Set([
      ...volumes.map((volume) => folderOf(volume)),
      ...claims.filter((claim) => this.isClaimed(claim)).map((claim) => this.pathFor(claim)),
    ]);
    let swept = 0;
    for await (const path of this.folders.list()) {
      if (known.has(path) || !(await this.folders.isOlder(path, orphanAfterMs))) continue;
      this.term.check();
      await this.folders.discard(path);
      this.context.log.info({ path }, 'a folder without a volume was taken away');
      swept += 1;
    }
    return swept;
  }

  private async look(): Promise<void> {
    for (const claim of this.claims.list()) {
      if (this.isClaimed(claim)) await this.attempt(claim, () => this.provide(claim));
    }
    for (const volume of this.volumes.list()) {
      if (isOurs(volume)) await this.attempt(volume, () => this.reclaim(volume));
    }
  }

  private async attempt(about: Claim | Volume, run: () => Promise<void>): Promise<void> {
    try {
      this.term.check();
      await run();
    } catch (error) {
      if (this.term.signal.aborted) throw error;
      // Our copy was behind; what changed wakes us again.
      if (error instanceof AppError && error.details['reason'] === 'Conflict') return;
      this.context.log.warn({ name: about.metadata?.name, reason: messageOf(error) }, 'a volume has to wait');
    }
  }

  private isClaimed({ spec, metadata }: Claim): boolean {
    return this.classes.has(spec?.storageClassName ?? '') && !metadata?.deletionTimestamp;
  }

  private async provide(claim: Claim): Promise<void> {
    const { uid = '' } = claim.metadata ?? {};
    const volume = this.volumes.get(volumeNameOf(uid));
    if (volume) return this.grow(claim, volume);
    if (claim.spec?.volumeName) return;
    const path = this.pathFor(claim);
    await this.folders.make(path);
    this.term.check();
    const { nodeName } = this.context.config.storage;
    try {
      await this.context.kube.create(
        'persistentvolumes',
        renderVolume(claim, { path, nodeName, token: this.term.token }),
      );
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  }

  /** A folder has no size of its own: growing is a matter of what is promised. */
  private async grow(claim: Claim, volume: Volume): Promise<void> {
    const { kube } = this.context;
    const storage = claim.spec?.resources?.requests?.['storage'];
    const { name = '', resourceVersion } = volume.metadata ?? {};
    if (bytesOf(storage) > bytesOf(volume.spec?.capacity?.['storage'])) {
      const annotations = { [termAnnotation]: String(this.term.token) };
      await kube.patch(
        'persistentvolumes',
        { name },
        { metadata: { resourceVersion, annotations }, spec: { capacity: { storage } } },
      );
    }
    const { phase, capacity } = claim.status ?? {};
    if (phase !== 'Bound' || bytesOf(capacity?.['storage']) >= bytesOf(storage)) return;
    const { name: claimName = '', namespace } = claim.metadata ?? {};
    await kube.patch(
      'persistentvolumeclaims',
      { name: claimName, namespace, subresource: 'status' },
      { metadata: { resourceVersion: claim.metadata?.resourceVersion }, status: { capacity: { storage } } },
    );
  }

  private async reclaim(volume: Volume): Promise<void> {
    const { kube, log } = this.context;
    const { name: claimName = '', namespace, uid } = volume.spec?.claimRef ?? {};
    const { name = '', resourceVersion, uid: volumeUid } = volume.metadata ?? {};
    const path = folderOf(volume);
    if (!uid || !path || volume.metadata?.deletionTimestamp) return;
    const isKnown = this.claims.get(claimName, namespace)?.metadata?.uid === uid;
    // Data is at stake: ask the API, never only the copy.
    if (isKnown || (await kube.find('persistentvolumeclaims', claimName, namespace))?.metadata?.uid === uid)
      return;
    if (Number(volume.metadata?.annotations?.[termAnnotation] ?? 0) > this.term.token) {
      throw new AppError('CONFLICT', 'A later leader has this volume');
    }
    // Ours from here on: a leader of the past fails at this write.
    const annotations = { [termAnnotation]: String(this.term.token) };
    try {
      await kube.patch('persistentvolumes', { name }, { metadata: { resourceVersion, annotations } });
    } catch (error) {
      if (isNotFound(error)) return;
      throw error;
    }
    this.term.check();
    await this.folders.discard(path);
    await kube.delete('persistentvolumes', name, undefined, { preconditions: { uid: volumeUid } });
    log.info({ volume: name, path }, 'a volume was taken away with its claim');
  }

  private pathFor({ metadata }: Claim): string {
    const { name = '', namespace = '', uid = '', labels: found = {} } = metadata ?? {};
    const team = found[labels.team] ?? namespace;
    return this.folders.pathOf({ team, app: found[labels.name] ?? 'claims', volume: `${name}-${uid}` });
  }
}
