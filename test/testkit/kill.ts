import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { serviceFlags } from '@skyarc/lib/process';

export interface PartOptions {
  /** A module whose `start(config)` runs the part, as an absolute path. */
  readonly module: string;
  readonly config: unknown;
  readonly env?: Readonly<Record<string, string>>;
}

/** A part of the platform as a Node process of its own, which a test may kill or stop at any moment. */
export class Part {
  private readonly options: PartOptions;
  private child: ChildProcess;
  /** What its `start()` answered, as far as JSON carries it. */
  readonly running: unknown;

  private constructor(options: PartOptions, child: ChildProcess, running: unknown) {
    this.options = options;
    this.child = child;
    this.running = running;
  }

  /** Resolves once the part runs. Throws when it ends before. */
  static async start(options: PartOptions): Promise<Part> {
    const program = `import { start } from ${JSON.stringify(options.module)};
      const running = await start(${JSON.stringify(options.config)});
      process.on('SIGTERM', () => void running.stop().then(() => process.exit()));
      process.on('disconnect', () => process.exit());
      process.send(running);`;
    const clock = fileURLToPath(import.meta.resolve('./clock-preload.ts'));
    const child = spawn(
      process.execPath,
      [...serviceFlags, '--import', clock, '--input-type=module-typescript', '--eval', program],
      { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], env: { ...process.env, ...options.env } },
    );
    const ended = once(child, 'exit').then(() => {
      throw new Error(`${options.module} ended before it ran`);
    });
    const [running] = (await Promise.race([once(child, 'message'), ended])) as unknown[];
    ended.catch(() => undefined);
    return new Part(options, child, running);
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get isAlive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** kill -9; resolves once it is gone. */
  async kill(): Promise<void> {
    if (!this.isAlive) return;
    const gone = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await gone;
  }

  /** The same part again, after it ended. */
  again(): Promise<Part> {
    return Part.start(this.options);
  }

  /** SIGTERM and its drain. */
  async stop(): Promise<void> {
    if (!this.isAlive) return;
    const gone = once(this.child, 'exit');
    this.child.kill('SIGCONT');
    this.child.kill('SIGTERM');
    await gone;
  }

  /** Its clock from now on is this far from the machine's. */
  setClock(offsetMs: number): void {
    this.child.send({ clockOffsetMs: offsetMs });
  }

  pause(): void {
    this.child.kill('SIGSTOP');
  }

  resume(): void {
    this.child.kill('SIGCONT');
  }
}
