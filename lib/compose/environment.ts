import type { DraftVariable } from './draft.ts';
import { parseEnvFile } from './env-file.ts';
import { tableOf } from './merge.ts';
import type { ServiceNotes } from './notes.ts';
import type { Service, ServiceContext } from './service.ts';
import { textOf, type Tree } from './tree.ts';

/** `env_file:` with the contents that were given. */
export function readEnvFiles(
  value: Tree,
  service: Service,
  { notes, lookup, findFile }: ServiceContext,
): void {
  for (const item of value.kind === 'list' ? value.items : [value]) {
    const entry = (name: string) => (item.kind === 'table' ? textOf(item.entries.get(name)?.value) : null);
    const path = textOf(item) ?? entry('path') ?? '';
    const content = findFile(path);
    if (content !== undefined) {
      for (const [name, text] of parseEnvFile(content, path, { lookup, notes })) {
        service.env.set(name, text);
        service.envLines.set(name, item.line);
      }
    } else if (entry('required') === 'false')
      notes.info(item.line, `${path} was not given and is not required`);
    else
      notes.error(
        item.line,
        `The content of ${path} is not here: add it below as "${path}", or write its variables under environment`,
      );
  }
}

/** `environment:` as a map or a list. */
export function readEnvironment(value: Tree, service: Service, { notes, lookup }: ServiceContext): void {
  const table = tableOf(value);
  if (!table) return notes.error(value.line, 'environment is a map, or a list of NAME=value');
  for (const [name, { line, value: one }] of table.entries) {
    if (one.kind !== 'scalar') notes.error(line, `environment.${name} is no single value`);
    const text = textOf(one) ?? (one.kind === 'scalar' ? lookup(name) : '');
    if (text === undefined) {
      notes.warn(line, `${name} has no value here, so it is left out; give one under variables`);
      continue;
    }
    service.env.set(name, text);
    service.envLines.set(name, line);
  }
}

const secretName =
  /(^|_)(PASS|PASSWD|PASSWORD|PASSPHRASE|SECRET|TOKEN|CREDENTIALS?|PRIVATE_KEY|API_?KEY|ACCESS_KEY|SECRET_KEY)(_|$)/i;
const valueName = /(^|_)(FILE|PATH|URL|HOST|ID|NAME|USER|TTL|EXPIRES?|LENGTH|POLICY|ENABLED)$/i;

/** The environment with names checked; what looks like a password is marked as secret. */
export function variablesOf(service: Service, notes: ServiceNotes, line: number): DraftVariable[] {
  return [...service.env].flatMap(([name, value]) => {
    const at = service.envLines.get(name) ?? line;
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name)) {
      notes.error(at, `"${name.slice(0, 60)}" cannot name a variable: letters, digits and "_" only`);
      return [];
    }
    if (name.startsWith('SKYARC_')) {
      notes.error(at, `${name}: names that begin with SKYARC_ are the platform's`);
      return [];
    }
    return [{ name, value, secret: secretName.test(name) && !valueName.test(name) && value !== '' }];
  });
}
