import type { MeshSpec } from '@skyarc/lib/contracts';
import { AppError } from '@skyarc/lib/errors';
import { endpointsName } from './render/names.ts';
import { destinationsTo, renderEndpointsOf, renderSnapshot } from './render/snapshot.ts';
import type { Session } from './session.ts';
import type { Dialect, Resource, Snapshot } from './types.ts';
import type { World, WorldChange } from './world.ts';

/** The streams of one app, and what they are told. */
interface Listeners {
  readonly namespace: string;
  spec: MeshSpec;
  /** Of the ConfigMap that has its rules. */
  object: string;
  readonly snapshots: Map<Dialect, Snapshot>;
  readonly sessions: Map<Session, Dialect>;
}

/** Keeps every stream told of what changes in its own app's world, and of nothing else. */
export class Audience {
  private readonly world: World;
  private readonly apps = new Map<string, Listeners>();

  constructor(world: World) {
    this.world = world;
  }

  list(): ReadonlyMap<string, Listeners> {
    return this.apps;
  }

  /**
   * Lets a stream in; the session is made of what the app is told now. Throws NOT_FOUND for an app that has
   * no rules any more.
   */
  join(
    { namespace, appId }: { namespace: string; appId: string },
    dialect: Dialect,
    open: (snapshot: Snapshot) => Session,
  ): { session: Session; object: string; leave: () => void } {
    const found = this.world.findSpec(namespace, appId);
    if (!found) throw new AppError('NOT_FOUND', 'The app has no mesh, or no longer');
    const app: Listeners = this.apps.get(appId) ?? {
      namespace,
      ...found,
      snapshots: new Map(),
      sessions: new Map(),
    };
    this.apps.set(appId, app);
    const session = open(this.snapshotOf(app, dialect));
    app.sessions.set(session, dialect);
    const leave = (): void => {
      app.sessions.delete(session);
      if (app.sessions.size === 0) this.apps.delete(appId);
    };
    return { session, object: found.object, leave };
  }

  tell(change: WorldChange): void {
    for (const [appId, app] of this.apps) {
      if (app.namespace !== change.namespace) continue;
      if (change.what === 'rules') {
        if (change.appId === appId) this.tellRules(appId, app);
      } else if (change.what === 'service') this.render(app);
      else this.tellEndpoints(app, change.service);
    }
  }

  private tellRules(appId: string, app: Listeners): void {
    const found = this.world.findSpec(app.namespace, appId);
    // Switched off, or unreadable: pods that still run go on with what was last good.
    if (!found) return;
    app.spec = found.spec;
    app.object = found.object;
    this.render(app);
  }

  private render(app: Listeners): void {
    app.snapshots.clear();
    for (const [session, dialect] of app.sessions) session.update(this.snapshotOf(app, dialect));
  }

  private tellEndpoints(app: Listeners, service: string): void {
    const view = this.world.view(app.namespace);
    // Equal in all dialects.
    const [known] = app.snapshots.values();
    // A service has many ports and an app many streams: only what differs is worth looking at in each.
    const fresh = new Map<string, Resource>();
    for (const one of destinationsTo(app.spec, view, service)) {
      const name = endpointsName(one);
      const before = known?.endpoints.get(name);
      const now = renderEndpointsOf(one, view, before);
      if (now.version !== before?.version) fresh.set(name, now);
    }
    if (fresh.size === 0) return;
    const names = new Set(fresh.keys());
    for (const [dialect, snapshot] of app.snapshots) {
      const endpoints = new Map(snapshot.endpoints);
      for (const [name, resource] of fresh) endpoints.set(name, resource);
      app.snapshots.set(dialect, { ...snapshot, endpoints });
    }
    for (const [session, dialect] of app.sessions) session.update(this.snapshotOf(app, dialect), names);
  }

  private snapshotOf(app: Listeners, dialect: Dialect): Snapshot {
    const known = app.snapshots.get(dialect);
    if (known) return known;
    const made = renderSnapshot(app.spec, this.world.view(app.namespace), dialect);
    app.snapshots.set(dialect, made);
    return made;
  }
}
