/** What changes in one of our nftables tables; what is always there is the table's frame. */
export interface TableModel {
  /** Sets that come and go, each with its declaration (nft(8)) and elements. */
  readonly sets: ReadonlyMap<string, TableSet>;
  /** Rules of each chain. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** Elements of the sets and maps of the frame. */
  readonly elements: ReadonlyMap<string, ReadonlySet<string>>;
}

export interface TableSet {
  readonly declaration: string;
  readonly elements: ReadonlySet<string>;
}

export const emptyTable: TableModel = { sets: new Map(), chains: new Map(), elements: new Map() };

/** The commands that lead from one model to another, to be loaded as one transaction; empty when they are equal. */
export function renderTableChange(name: string, before: TableModel, after: TableModel): string {
  const table = `ip ${name}`;
  // What is referred to must be there first, and go last.
  const commands = [
    ...changeSets(table, before, after),
    ...changeChains(table, before, after),
    ...changeElements(table, before.elements, after.elements),
    ...removeChains(table, before, after),
    ...[...before.sets.keys()]
      .filter((set) => !after.sets.has(set))
      .map((set) => `delete set ${table} ${set}`),
  ];
  return commands.length === 0 ? '' : `${commands.join('\n')}\n`;
}

function* changeSets(table: string, before: TableModel, after: TableModel): Generator<string> {
  for (const [name, { declaration, elements }] of after.sets) {
    const old = before.sets.get(name);
    if (!old) yield `add set ${table} ${name} { ${declaration}; }`;
    yield* change(table, name, old?.elements, elements);
  }
}

function* changeChains(table: string, before: TableModel, after: TableModel): Generator<string> {
  for (const name of after.chains.keys()) {
    if (!before.chains.has(name)) yield `add chain ${table} ${name}`;
  }
  for (const [name, rules] of after.chains) {
    const old = before.chains.get(name);
    if (old && old.join('\n') === rules.join('\n')) continue;
    if (old) yield `flush chain ${table} ${name}`;
    for (const rule of rules) yield `add rule ${table} ${name} ${rule}`;
  }
}

function* changeElements(
  table: string,
  before: TableModel['elements'],
  after: TableModel['elements'],
): Generator<string> {
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    yield* change(table, name, before.get(name), after.get(name));
  }
}

function* removeChains(table: string, before: TableModel, after: TableModel): Generator<string> {
  const gone = [...before.chains.keys()].filter((name) => !after.chains.has(name));
  for (const name of gone) yield `flush chain ${table} ${name}`;
  for (const name of gone) yield `delete chain ${table} ${name}`;
}

const none: ReadonlySet<string> = new Set();

function* change(table: string, name: string, before = none, after = none): Generator<string> {
  const removed = [...before].filter((each) => !after.has(each));
  const added = [...after].filter((each) => !before.has(each));
  if (removed.length > 0) yield `delete element ${table} ${name} { ${removed.join(', ')} }`;
  if (added.length > 0) yield `add element ${table} ${name} { ${added.join(', ')} }`;
}
