/** What a rendering answers: undefined when there is nothing to serve under the key. */
export interface Rendered<P> {
  readonly value: string | undefined;
  readonly problems: readonly P[];
}

/** Called by a rendering for each input that it looks at. */
export type Use = (input: string) => void;

export interface OutputChange<P> {
  readonly set: Record<string, string>;
  readonly delete: string[];
  /** Of every output that was rendered again. */
  readonly problems: ReadonlyMap<string, readonly P[]>;
}

/**
 * Texts by key that are rendered from inputs, again only when an input that they looked at was touched:
 * one change costs what it changes, not what there is.
 */
export class Outputs<P> {
  readonly values = new Map<string, string>();
  private readonly render: (key: string, use: Use) => Rendered<P>;
  private readonly readers = new Map<string, Set<string>>();
  private readonly reads = new Map<string, Set<string>>();
  private readonly dirty = new Set<string>();

  constructor(render: (key: string, use: Use) => Rendered<P>) {
    this.render = render;
  }

  /** Renders the output at the next flush. */
  mark(output: string): void {
    this.dirty.add(output);
  }

  /** Renders whatever looked at the input at the next flush. */
  touch(input: string): void {
    for (const output of this.readers.get(input) ?? []) this.dirty.add(output);
  }

  /** Renders what is marked and answers what became different. */
  flush(): OutputChange<P> {
    const change: OutputChange<P> = { set: {}, delete: [], problems: new Map() };
    const problems = change.problems as Map<string, readonly P[]>;
    // Renderings may mark others, which then are rendered in the same loop.
    for (const output of this.dirty) {
      this.dirty.delete(output);
      const { value, problems: found } = this.renderOne(output);
      problems.set(output, found);
      if (value === undefined) {
        if (this.values.delete(output)) change.delete.push(output);
        delete change.set[output];
      } else if (this.values.get(output) !== value) {
        this.values.set(output, value);
        change.set[output] = value;
      }
    }
    return { ...change, delete: change.delete.filter((key) => !this.values.has(key)) };
  }

  private renderOne(output: string): Rendered<P> {
    for (const input of this.reads.get(output) ?? []) this.removeReader(input, output);
    const reads = new Set<string>();
    const rendered = this.render(output, (input) => reads.add(input));
    for (const input of reads) {
      const readers = this.readers.get(input);
      if (readers) readers.add(output);
      else this.readers.set(input, new Set([output]));
    }
    if (reads.size > 0) this.reads.set(output, reads);
    else this.reads.delete(output);
    return rendered;
  }

  private removeReader(input: string, output: string): void {
    const readers = this.readers.get(input);
    readers?.delete(output);
    if (readers?.size === 0) this.readers.delete(input);
  }
}
