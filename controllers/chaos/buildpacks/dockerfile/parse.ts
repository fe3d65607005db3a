/** One instruction, its continuation lines joined. */
interface Instruction {
  readonly name: string;
  readonly text: string;
  /** Index of the line after it. */
  readonly end: number;
}

interface Stage {
  readonly name: string | null;
  readonly from: string;
  readonly instructions: readonly Instruction[];
}

type Words = Readonly<Record<string, string>>;

/** What can be known of a Dockerfile without building it (Dockerfile reference). */
export interface DockerfileFacts {
  /** Names of stages; those without one by their number. */
  readonly stages: readonly string[];
  /** Images that it is made from, as far as the stage that is wanted. */
  readonly images: readonly string[];
  /** Null: there is no such stage. */
  readonly final: FinalStage | null;
  /** Names of all ARGs. */
  readonly args: ReadonlySet<string>;
  /** What `RUN --mount=type=secret` asks for. */
  readonly secrets: readonly SecretMount[];
}

export interface SecretMount {
  readonly id: string;
  /** File of the secret while commands run. */
  readonly target: string;
}

export interface FinalStage {
  readonly ports: readonly number[];
  readonly volumes: readonly string[];
  readonly env: Words;
  readonly user: string | null;
}

/** Reads a Dockerfile for the stage `target`, by default the last one, with these build arguments. */
export function readDockerfile(text: string, target: string | null, buildArgs: Words = {}): DockerfileFacts {
  const { preamble, stages } = splitStages(instructionsOf(text));
  const all = [...preamble, ...stages.flatMap(({ instructions }) => instructions)];
  const args = all.flatMap(({ name, text: words }) => (name === 'ARG' ? [nameOf(words)] : []));
  const mounts = all.flatMap(({ text: words }) => words.match(/--mount=\S*type=secret\S*/g) ?? []);
  const secrets = mounts.flatMap((mount) => {
    const id = /[=,]id=([^,\s]+)/.exec(mount)?.[1];
    const target = /[=,](?:target|dst|destination)=([^,\s]+)/.exec(mount)?.[1];
    return id ? [{ id, target: target ?? `/run/secrets/${id}` }] : [];
  });
  const named = stages.map(({ name }, index) => name ?? String(index));
  const index = target === null ? stages.length - 1 : indexOf(stages, target);
  return {
    stages: named,
    images: imagesOf(stages.slice(0, index + 1), { preamble, buildArgs }),
    final: index < 0 ? null : finalOf(stages, index, { preamble, buildArgs }),
    args: new Set(args),
    secrets: [...new Map(secrets.map((one) => [`${one.id} ${one.target}`, one])).values()],
  };
}

/**
 * The same Dockerfile, whose commands get these build arguments as variables in every stage. Unlike those of ENV no
 * image keeps them, and an ENV of the same name goes before. One instruction, as each is a layer to buildah.
 */
export function withArgs(text: string, names: readonly string[]): string {
  const lines = text.split(/\r?\n/);
  const ends = instructionsOf(text).flatMap(({ name, end }) => (name === 'FROM' ? [end] : []));
  for (const end of ends.toReversed()) lines.splice(end, 0, `ARG ${names.join(' ')}`);
  return lines.join('\n');
}

function instructionsOf(text: string): Instruction[] {
  const found: Instruction[] = [];
  const lines = text.split(/\r?\n/);
  for (let at = 0; at < lines.length; at += 1) {
    let line = lines[at] as string;
    if (/^\s*(?:#|$)/.test(line)) continue;
    while (/\\\s*$/.test(line) && at + 1 < lines.length) {
      at += 1;
      const next = lines[at] as string;
      if (!/^\s*#/.test(next)) line = `${line.replace(/\\\s*$/, '')} ${next.trim()}`;
    }
    const [, name = '', words = ''] = /^\s*(\w+)\s+(.*)$/.exec(line) ?? [];
    const end = /^(?:RUN|COPY|ADD)$/i.test(name) ? /<<-?\s*["']?(\w+)["']?/.exec(words)?.[1] : undefined;
    if (end) while (at + 1 < lines.length && (lines[(at += 1)] as string).trim() !== end);
    if (name) found.push({ name: name.toUpperCase(), text: words.trim(), end: at + 1 });
  }
  return found;
}

function splitStages(all: readonly Instruction[]): { preamble: Instruction[]; stages: Stage[] } {
  const preamble: Instruction[] = [];
  const stages: (Stage & { instructions: Instruction[] })[] = [];
  for (const instruction of all) {
    if (instruction.name === 'FROM') {
      const [, from = '', name] = /^(?:--\S+\s+)*(\S+)(?:\s+as\s+(\S+))?/i.exec(instruction.text) ?? [];
      stages.push({ name: name?.toLowerCase() ?? null, from, instructions: [] });
    } else (stages.at(-1)?.instructions ?? preamble).push(instruction);
  }
  return { preamble, stages };
}

function indexOf(stages: readonly Stage[], name: string): number {
  const byName = stages.findIndex((stage) => stage.name === name.toLowerCase());
  return byName === -1 && /^\d+$/.test(name) && Number(name) < stages.length ? Number(name) : byName;
}

/** Neither stages nor `scratch`. Variables stand in FROM only, and are those of the ARGs before it. */
function imagesOf(
  stages: readonly Stage[],
  { preamble, buildArgs }: { readonly preamble: readonly Instruction[]; readonly buildArgs: Words },
): string[] {
  const known: Record<string, string> = {};
  for (const { text } of preamble) {
    const [key, value] = [nameOf(text), text.includes('=') ? text.slice(text.indexOf('=') + 1) : ''];
    known[key] = buildArgs[key] ?? unquote(expand(value, known));
  }
  const found = stages.flatMap(({ from, instructions }, index) => {
    const others = instructions.flatMap(({ name, text }) =>
      [...text.matchAll(name === 'RUN' ? /--mount=\S*?\bfrom=([^,\s]+)/g : /--from=(\S+)/g)].map(
        (match) => match[1] as string,
      ),
    );
    const earlier = stages.slice(0, index);
    return [expand(from, known), ...others].filter((image) => indexOf(earlier, image) < 0);
  });
  return [...new Set(found)].filter((image) => image !== 'scratch');
}

/** A stage over another one of the file has what that one set. */
function finalOf(
  stages: readonly Stage[],
  index: number,
  { preamble, buildArgs }: { readonly preamble: readonly Instruction[]; readonly buildArgs: Words },
): FinalStage {
  const chain: Stage[] = [];
  for (let at = index; at >= 0;) {
    const stage = stages[at] as Stage;
    chain.unshift(stage);
    at = stages.findIndex(({ name }, place) => place < at && name === stage.from.toLowerCase());
  }
  const known: Record<string, string> = {};
  const env: Record<string, string> = {};
  const ports: number[] = [];
  const volumes: string[] = [];
  let user: string | null = null;
  for (const { name, text } of [...preamble, ...chain.flatMap(({ instructions }) => instructions)]) {
    const words = expand(text, { ...known, ...env });
    if (name === 'ARG') {
      const key = nameOf(words);
      known[key] =
        buildArgs[key] ??
        (words.includes('=') ? unquote(words.slice(words.indexOf('=') + 1)) : (known[key] ?? ''));
    } else if (name === 'ENV') Object.assign(env, pairsOf(words));
    else if (name === 'EXPOSE') ports.push(...portsOf(words));
    else if (name === 'VOLUME') volumes.push(...listOf(words));
    else if (name === 'USER') user = words;
  }
  return { ports: [...new Set(ports)], volumes: [...new Set(volumes)], env, user };
}

function expand(text: string, values: Words): string {
  return text.replace(
    /\$(?:\{(\w+)(?::?-([^}]*))?\}|(\w+))/g,
    (_, braced?: string, fallback?: string, plain?: string) => {
      const value = values[braced ?? plain ?? ''];
      return value || fallback || '';
    },
  );
}

function nameOf(words: string): string {
  return words.split(/[=\s]/)[0] as string;
}

function unquote(text: string): string {
  return text.trim().replace(/^(["'])(.*)\1$/, '$2');
}

/** `A=1 B="two words"`, or the old `A one value`. */
function pairsOf(words: string): Record<string, string> {
  const pairs = [...words.matchAll(/(\w[\w.-]*)=("(?:[^"\\]|\\.)*"|'[^']*'|(?:[^\s\\]|\\.)*)/g)];
  if (pairs.length > 0 && /^\w[\w.-]*=/.test(words))
    return Object.fromEntries(pairs.map((match) => [match[1], unquote(match[2] as string)]));
  const [name = '', ...rest] = words.split(/\s+/);
  return name ? { [name]: rest.join(' ') } : {};
}

function portsOf(words: string): number[] {
  const numbers = words.split(/\s+/).map((word) => /^(\d+)(?:\/tcp)?$/i.exec(unquote(word))?.[1]);
  return numbers.map(Number).filter((port) => port > 0 && port < 65_536);
}

function listOf(words: string): string[] {
  const all = words.startsWith('[') ? (words.match(/"([^"]+)"/g) ?? []).map(unquote) : words.split(/\s+/);
  return all.map((path) => path.replace(/\/+$/, '')).filter((path) => path.startsWith('/'));
}
