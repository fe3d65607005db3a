import { defaultPortAlias, type EnvScope, mainPortOf } from '@skyarc/lib/contracts';
import { expandText } from './expand.ts';

/** Where a variable comes from; a later one wins over an earlier one of the same name. */
export type EnvOrigin = 'PLATFORM' | 'DEPENDENCY' | 'CONFIG_SET' | 'APP';

/** A variable that an app's pods get. */
export interface EffectiveVariable {
  readonly name: string;
  readonly value: string;
  readonly secret: boolean;
  readonly origin: EnvOrigin;
  /** Name of the configuration set or app that it comes from; null for the platform's and the app's own. */
  readonly originName: string | null;
}

/** A variable as it is stored, opened. */
export interface StoredVariable {
  readonly name: string;
  readonly value: string;
  readonly secret: boolean;
  readonly scope: EnvScope;
}

export interface EnvPort {
  readonly port: number;
  readonly protocol: string;
  readonly public: boolean;
  readonly alias: string | null;
}

export interface EnvConfigSet {
  readonly name: string;
  readonly variables: readonly Omit<StoredVariable, 'scope'>[];
}

/** An app as far as its variables go. */
export interface EnvApp {
  readonly id: string;
  readonly name: string;
  readonly team: string;
  /** By number. */
  readonly ports: readonly EnvPort[];
  readonly variables: readonly StoredVariable[];
  /** Enabled ones, by name. */
  readonly configSets: readonly EnvConfigSet[];
  /** Of the version that runs, or is to run; null before the first. */
  readonly versionNumber: number | null;
}

export interface EnvFacts extends EnvApp {
  /** The apps that it depends on, by name. */
  readonly providers: readonly EnvApp[];
}

/** Every variable of the app's pods, by name. The connection information of its providers is among them. */
export function effectiveEnv(facts: EnvFacts): EffectiveVariable[] {
  const found = new Map(ownVariables(facts).map((variable) => [variable.name, variable]));
  for (const variable of facts.providers.flatMap(providedVariables)) {
    // What the app and its group say counts more; of two providers the first by name.
    const said = found.get(variable.name)?.origin ?? 'PLATFORM';
    if (said === 'PLATFORM') found.set(variable.name, variable);
  }
  return [...found.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * What dependents are told of an app: `<ALIAS>_HOST` and `<ALIAS>_PORT` of each port and the variables of scope
 * DEPENDENTS or BOTH, in which `${NAME}` stands for the app's own values (not for those of its own providers).
 */
export function providedVariables(provider: EnvApp): EffectiveVariable[] {
  const values = valuesOf(provider);
  const origin = { origin: 'DEPENDENCY', originName: provider.name } as const;
  const stored = provider.variables
    .filter(({ scope }) => scope !== 'SELF')
    .map(({ name, value, secret }) => ({ name, value: expandText(value, values), secret, ...origin }));
  const named = new Set(stored.map(({ name }) => name));
  const addresses = addressesOf(provider)
    .filter(({ name }) => !named.has(name))
    .map((address) => ({ ...address, secret: false, ...origin }));
  return [...addresses, ...stored];
}

/** Prefix of what dependents are told of each port, by its number. */
export function portAliasesOf(
  app: Pick<EnvApp, 'name'>,
  ports: readonly Pick<EnvPort, 'port' | 'alias'>[],
): Map<number, string> {
  const first = Math.min(...ports.map(({ port }) => port));
  return new Map(
    ports.map(({ port, alias }) => [
      port,
      alias ?? defaultPortAlias({ app: app.name, port, isFirst: port === first }),
    ]),
  );
}

function ownVariables(app: EnvApp): EffectiveVariable[] {
  const values = valuesOf(app);
  const found = new Map<string, EffectiveVariable>();
  for (const [name, value] of platformValues(app)) {
    found.set(name, { name, value, secret: false, origin: 'PLATFORM', originName: null });
  }
  for (const set of app.configSets) {
    for (const variable of set.variables) {
      found.set(variable.name, { ...variable, origin: 'CONFIG_SET', originName: set.name });
    }
  }
  for (const { name, value, secret, scope } of app.variables) {
    if (scope === 'DEPENDENTS') continue;
    // What is told to others as well means the same here as there.
    const meant = scope === 'BOTH' ? expandText(value, values) : value;
    found.set(name, { name, value: meant, secret, origin: 'APP', originName: null });
  }
  return [...found.values()];
}

/** What `${NAME}` stands for in an app's connection information. */
function valuesOf(app: EnvApp): Map<string, string> {
  return new Map([
    ...platformValues(app),
    ...addressesOf(app).map(({ name, value }) => [name, value] as const),
    ...app.configSets.flatMap(({ variables }) => variables.map(({ name, value }) => [name, value] as const)),
    ...app.variables.map(({ name, value }) => [name, value] as const),
  ]);
}

function platformValues(app: EnvApp): [string, string][] {
  const port = mainPortOf(app.ports)?.port;
  return [
    ...(port ? [['PORT', String(port)] as [string, string]] : []),
    ['SKYARC_APP', app.name],
    ['SKYARC_APP_ID', app.id],
    ['SKYARC_TEAM', app.team],
    ...(app.versionNumber === null
      ? []
      : [['SKYARC_VERSION', String(app.versionNumber)] as [string, string]]),
  ];
}

function addressesOf(app: EnvApp): { name: string; value: string }[] {
  return [...portAliasesOf(app, app.ports)].flatMap(([port, alias]) => [
    { name: `${alias}_HOST`, value: app.name },
    { name: `${alias}_PORT`, value: String(port) },
  ]);
}
