import { AppError, type ErrorCode } from '@skyarc/lib/errors';
import { findRule, proofOf, type Rule } from '../rules.ts';

/** What a program that fetches said when it failed. */
export interface SourceFailure {
  readonly url: string;
  readonly stderr: string;
}

/** A rule that also says which kind of failure it is. */
export interface SourceRule<Failure> extends Rule<Failure> {
  readonly code: ErrorCode;
}

/** By the first rule that finds its words, or null. */
export function sourceErrorOf<Failure extends SourceFailure>(
  rules: readonly SourceRule<Failure>[],
  failure: Failure,
): AppError | null {
  const found = findRule(rules, failure.stderr.split('\n'));
  return found && cannotFetch(failure, found.rule.code, found.rule.say(found.match, failure), found.proof);
}

/** The error for a person, with the lines that prove it. */
export function cannotFetch(
  { url }: SourceFailure,
  code: ErrorCode,
  why: string,
  proof: readonly string[],
): AppError {
  return new AppError(code, `Cannot fetch ${url}: ${why}`, { details: { proof: proofOf(proof) } });
}
