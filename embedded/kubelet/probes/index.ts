import { sleep } from '@skyarc/lib/retry';
import type { CriClient } from '../cri/client.ts';
import { runProbe, type ProbeSpec, type ProbeTarget } from './probe.ts';

export { httpGet } from './http.ts';

export type ProbeKind = 'startup' | 'readiness' | 'liveness';

/** What probes have found of one run of a container. */
export interface Health {
  /** The startup probe has succeeded, or there is none. */
  started: boolean;
  ready: boolean;
  /** Set when a startup or liveness probe demands a restart. */
  failure: { kind: ProbeKind; message: string; graceSeconds: number | undefined } | undefined;
}

export interface ProbeHooks {
  /** Something in `Health` has changed. */
  readonly onChange: () => void;
  readonly onUnhealthy: (kind: ProbeKind, message: string) => void;
}

interface ProbeRun {
  readonly health: Health;
  /** Ends all probes of the run. */
  readonly stop: AbortController;
  /** Ends those that may demand a restart. */
  readonly stopDemanding: AbortController;
}

/** Runs the probes of containers, each from its container's start to its end. */
export class Prober {
  private readonly cri: CriClient;
  private readonly runs = new Map<string, ProbeRun>();

  constructor(cri: CriClient) {
    this.cri = cri;
  }

  healthOf(containerId: string): Health | undefined {
    return this.runs.get(containerId)?.health;
  }

  /**
   * Begins to probe a container unless it is probed already. `known` is what an earlier process had
   * found of the same run, so that a restart of the kubelet changes nothing.
   */
  ensure(
    target: ProbeTarget,
    startedAtMs: number,
    known: { started: boolean; ready: boolean } | undefined,
    hooks: ProbeHooks,
  ): Health {
    const running = this.runs.get(target.containerId);
    if (running) return running.health;
    const { startupProbe, readinessProbe, livenessProbe } = target.container;
    const started = known?.started ?? !startupProbe;
    const health: Health = {
      started,
      ready: readinessProbe ? (known?.ready ?? false) : started,
      failure: undefined,
    };
    const stop = new AbortController();
    const stopDemanding = new AbortController();
    this.runs.set(target.containerId, { health, stop, stopDemanding });
    const signals = {
      readiness: stop.signal,
      demanding: AbortSignal.any([stop.signal, stopDemanding.signal]),
    };
    const run = new ContainerProbes(this.cri, target, health, hooks, signals);
    void run.follow({ startupProbe, readinessProbe, livenessProbe }, startedAtMs);
    return health;
  }

  /** Ends the probes of a container; its health is forgotten. */
  stop(containerId: string): void {
    this.runs.get(containerId)?.stop.abort();
    this.runs.delete(containerId);
  }

  /** The container is being ended: only its readiness is still asked for, so that it can drain. */
  stopDemanding(containerId: string): void {
    this.runs.get(containerId)?.stopDemanding.abort();
  }

  stopAll(): void {
    for (const id of this.runs.keys()) this.stop(id);
  }
}

interface ProbeSpecs {
  readonly startupProbe?: ProbeSpec;
  readonly readinessProbe?: ProbeSpec;
  readonly livenessProbe?: ProbeSpec;
}

interface ProbeSignals {
  readonly readiness: AbortSignal;
  /** Of the startup and the liveness probe. */
  readonly demanding: AbortSignal;
}

class ContainerProbes {
  private readonly cri: CriClient;
  private readonly target: ProbeTarget;
  private readonly health: Health;
  private readonly hooks: ProbeHooks;
  private readonly signals: ProbeSignals;

  constructor(cri: CriClient, target: ProbeTarget, health: Health, hooks: ProbeHooks, signals: ProbeSignals) {
    this.cri = cri;
    this.target = target;
    this.health = health;
    this.hooks = hooks;
    this.signals = signals;
  }

  /** Startup first; the other two only once it has succeeded. */
  async follow(
    { startupProbe, readinessProbe, livenessProbe }: ProbeSpecs,
    startedAtMs: number,
  ): Promise<void> {
    if (startupProbe && !this.health.started) {
      const succeeded = await this.until(startupProbe, 'startup', startedAtMs);
      if (!succeeded) return;
      this.health.started = true;
      this.health.ready = !readinessProbe;
      this.hooks.onChange();
    }
    if (readinessProbe) void this.repeat(readinessProbe, 'readiness', startedAtMs);
    if (livenessProbe) void this.repeat(livenessProbe, 'liveness', startedAtMs);
  }

  private async until(spec: ProbeSpec, kind: ProbeKind, startedAtMs: number): Promise<boolean> {
    for await (const outcome of this.outcomes(spec, kind, startedAtMs)) {
      if (outcome.succeeded) return true;
      this.demandRestart(kind, spec, outcome.message);
      return false;
    }
    return false;
  }

  private async repeat(spec: ProbeSpec, kind: ProbeKind, startedAtMs: number): Promise<void> {
    for await (const outcome of this.outcomes(spec, kind, startedAtMs)) {
      if (kind === 'liveness') {
        if (outcome.succeeded) continue;
        this.demandRestart(kind, spec, outcome.message);
        return;
      }
      if (this.health.ready === outcome.succeeded) continue;
      this.health.ready = outcome.succeeded;
      this.hooks.onChange();
    }
  }

  /** Verdicts, each after as many equal results in a row as the thresholds ask for. */
  private async *outcomes(
    spec: ProbeSpec,
    kind: ProbeKind,
    startedAtMs: number,
  ): AsyncGenerator<{ succeeded: boolean; message: string }> {
    const signal = kind === 'readiness' ? this.signals.readiness : this.signals.demanding;
    const periodMs = Math.max(1, spec.periodSeconds ?? 10) * 1_000;
    let nextAt = startedAtMs + (spec.initialDelaySeconds ?? 0) * 1_000;
    let inARow = 0;
    let last: boolean | undefined;
    for (;;) {
      await sleep(Math.max(0, nextAt - Date.now()), signal).catch(() => undefined);
      if (signal.aborted) return;
      nextAt = Math.max(nextAt, Date.now()) + periodMs;
      const failure = await runProbe(this.cri, spec, this.target);
      if (signal.aborted) return;
      const succeeded = failure === undefined;
      inARow = succeeded === last ? inARow + 1 : 1;
      last = succeeded;
      if (!succeeded) this.hooks.onUnhealthy(kind, failure);
      const threshold = succeeded ? (spec.successThreshold ?? 1) : (spec.failureThreshold ?? 3);
      if (inARow >= threshold) yield { succeeded, message: failure ?? '' };
    }
  }

  private demandRestart(kind: ProbeKind, spec: ProbeSpec, message: string): void {
    this.health.failure = { kind, message, graceSeconds: spec.terminationGracePeriodSeconds };
    this.hooks.onChange();
  }
}
