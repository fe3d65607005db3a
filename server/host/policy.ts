import { AppError } from '@skyarc/lib/errors';
import {
  defaultFieldResolver,
  type GraphQLField,
  type GraphQLFieldResolver,
  type GraphQLSchema,
  isNonNullType,
  isObjectType,
} from 'graphql';
import type { Identity, RequestContext, TeamRole } from './context.ts';

/** Parent and arguments are whatever the field has; each rule knows its own. */
// oxlint-disable-next-line typescript/no-explicit-any
type Loose = any;

/** Who may read a field or call a mutation. Null means that nothing needs to be checked. */
export interface Rule {
  readonly name: string;
  readonly check: ((parent: Loose, args: Loose, context: RequestContext) => Promise<void> | void) | null;
}

/** Rules of all fields of all object types of a room. */
export type Policies = Readonly<Record<string, Readonly<Record<string, Rule>>>>;

/** Everybody, also without logging in. */
export const anyone: Rule = { name: 'anyone', check: null };

/** Whoever was allowed to reach the object. */
export const inherited: Rule = { name: 'inherited', check: null };

/** Whoever is logged in. */
export const viewer: Rule = { name: 'viewer', check: (_parent, _args, context) => void identityOf(context) };

/** Administrators of the installation. */
export const admin: Rule = {
  name: 'admin',
  check: (_parent, _args, context) => {
    if (!identityOf(context).admin) throw new AppError('FORBIDDEN', 'Only administrators may do this');
  },
};

/** A role in a team and the ones above it; which team, the field's parent or arguments say. */
export function member(
  role: TeamRole,
  teamOf: (parent: Loose, args: Loose, context: RequestContext) => Promise<TeamKey | null> | TeamKey | null,
): Rule {
  return {
    name: `member ${role}`,
    check: async (parent, args, context) => {
      const identity = identityOf(context);
      const team = await teamOf(parent, args, context);
      requireRole(identity, team, role);
    },
  };
}

/** A team by id or by name. */
export type TeamKey = { readonly id: string } | { readonly name: string };

/** Throws UNAUTHENTICATED for a stranger. */
export function identityOf(context: RequestContext): Identity {
  if (!context.identity) throw new AppError('UNAUTHENTICATED', 'Log in first');
  return context.identity;
}

/** The role in a team: OWNER everywhere for administrators, null for others' teams. */
export function roleIn(identity: Identity, team: TeamKey): TeamRole | null {
  if (identity.admin) return 'OWNER';
  const found = identity.memberships.find((membership) =>
    'id' in team ? membership.teamId === team.id : membership.teamName === team.name,
  );
  return found?.role ?? null;
}

const rankOf: Readonly<Record<TeamRole, number>> = { VIEWER: 1, DEVELOPER: 2, OWNER: 3 };

/** Throws NOT_FOUND for others' teams, so that nobody learns what exists, and FORBIDDEN for too low a role. */
export function requireRole(identity: Identity, team: TeamKey | null, role: TeamRole): void {
  const own = team && roleIn(identity, team);
  if (!own) throw new AppError('NOT_FOUND', 'There is no such thing, or you may not see it');
  if (rankOf[own] < rankOf[role]) {
    throw new AppError('FORBIDDEN', `Your role in this team is ${own}; this needs ${role}`);
  }
}

/** Puts each field's rule before its resolver. Throws INTERNAL for a field without one, or a rule without a field. */
export function applyPolicies(schema: GraphQLSchema, policies: Policies): void {
  checkPolicies(schema, policies);
  for (const { typeName, field } of guardedFields(schema)) {
    const rule = policies[typeName]?.[field.name];
    if (rule) guard(typeName, field, rule);
  }
}

/** Throws INTERNAL unless fields and rules are the same set. */
export function checkPolicies(schema: GraphQLSchema, policies: Policies): void {
  const fields = new Set(guardedFields(schema).map(({ typeName, field }) => `${typeName}.${field.name}`));
  const rules = new Set(
    Object.entries(policies).flatMap(([type, own]) => Object.keys(own).map((field) => `${type}.${field}`)),
  );
  const missing = [...fields].filter((name) => !rules.has(name));
  const unknown = [...rules].filter((name) => !fields.has(name));
  if (missing.length > 0) throw new AppError('INTERNAL', `Fields without a policy: ${missing.join(', ')}`);
  if (unknown.length > 0) throw new AppError('INTERNAL', `Policies without a field: ${unknown.join(', ')}`);
}

/** All fields but those of introspection and federation, which only the router reaches. */
function guardedFields(schema: GraphQLSchema) {
  return Object.values(schema.getTypeMap())
    .filter((type) => isObjectType(type))
    .filter((type) => !type.name.startsWith('__') && type.name !== '_Service')
    .flatMap((type) => Object.values(type.getFields()).map((field) => ({ typeName: type.name, field })))
    .filter(({ field }) => field.name !== '_entities' && field.name !== '_service');
}

function guard(typeName: string, field: GraphQLField<unknown, RequestContext>, rule: Rule): void {
  const { check } = rule;
  if (!check) return;
  if (typeName === 'Subscription') {
    field.subscribe = guarded(field.subscribe ?? defaultFieldResolver, check);
    return;
  }
  const isHidden = typeName !== 'Mutation' && !isNonNullType(field.type);
  const resolve = guarded(field.resolve ?? defaultFieldResolver, check);
  field.resolve = isHidden
    ? async (...args) => {
        try {
          return await resolve(...args);
        } catch (error) {
          if (error instanceof Refusal) return null;
          throw error;
        }
      }
    : resolve;
}

/** A refused read of a nullable field is null rather than an error. */
class Refusal extends AppError {}

function guarded(
  resolve: GraphQLFieldResolver<unknown, RequestContext>,
  check: NonNullable<Rule['check']>,
): GraphQLFieldResolver<unknown, RequestContext> {
  return async (parent, args, context, info) => {
    try {
      await check(parent, args, context);
    } catch (error) {
      if (!(error instanceof AppError) || !['NOT_FOUND', 'FORBIDDEN'].includes(error.code)) throw error;
      throw new Refusal(error.code, error.message);
    }
    return resolve(parent, args, context, info);
  };
}
